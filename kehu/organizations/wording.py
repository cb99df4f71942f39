"""What the working calendar says, in Chinese and in English."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Literal

Language = Literal["zh", "en"]


def language_of(code: str) -> Language:
    """`zh-hans`, `zh-CN` and `zh` are Chinese; what we do not speak is answered in English."""
    return "zh" if code.startswith("zh") else "en"


def length_text(length: timedelta, language: Language) -> str:
    minutes, seconds = divmod(int(length.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "小时", "hour"), (minutes, "分钟", "minute"), (seconds, "秒", "second")]
    parts = [part for part in parts if part[0]] or [(0, "分钟", "minute")]
    if language == "zh":
        return " ".join(f"{n} {zh}" for n, zh, _ in parts)
    return " ".join(f"{n} {en}{'' if n == 1 else 's'}" for n, _, en in parts)


WORDS: Mapping[str, Mapping[Language, str]] = {
    "start": {
        "zh": "{when} 起算，限期：{budget}。",
        "en": "Counted from {when}; the limit is {budget}.",
    },
    "start_day": {
        "zh": "{when} 起算，限期：{budget}；起算当日不计。",
        "en": "Counted from {when}; the limit is {budget}. The start day is not counted.",
    },
    "before": {
        "zh": "记录写明的时间是 {when}，限期在此之前 {budget}。",
        "en": "The record names {when}; the limit lies {budget} before it.",
    },
    "counted": {
        "zh": "{day}：{periods}，计 {amount}。",
        "en": "{day}: {periods}, {amount} counted.",
    },
    "working_day": {
        "zh": "{day}：第 {n} 个工作日。",
        "en": "{day}: working day {n}.",
    },
    "days": {
        "zh": "{days}：{amount}，节假日照计。",
        "en": "{days}: {amount}, holidays included.",
    },
    "rest": {
        "zh": "{days}：休息，不计。",
        "en": "{days}: closed, not counted.",
    },
    "holiday": {
        "zh": "{days}：{name}，放假，不计。",
        "en": "{days}: {name}, holiday, not counted.",
    },
    "paused": {
        "zh": "{begin} 至 {until}：暂停{reason}，其间 {amount}不计。",
        "en": "{begin} to {until}: paused{reason}, {amount} not counted.",
    },
    "stopped": {
        "zh": "{begin} 起：暂停{reason}，计时停止；恢复后还剩 {amount}。",
        "en": "From {begin}: paused{reason}, the clock stands still; {amount} are left when it goes on.",
    },
    "target": {
        "zh": "若无暂停，{when} 到期。",
        "en": "Without the pauses it would be due {when}.",
    },
    "carried": {
        "zh": "{day}：{periods}，补足暂停的 {amount}。",
        "en": "{day}: {periods}, {amount} made up for the pauses.",
    },
    "provisional": {
        "zh": "{year} 年的放假安排尚未确认（只确认到 {until}），此后按平常的一周暂计，结果是暂定的。",
        "en": "The holidays of {year} are not confirmed yet (only until {until}); from here on ordinary weeks are "
        "counted, and the result is provisional.",
    },
    "due": {
        "zh": "{when} 到期。",
        "en": "Due {when}.",
    },
    "due_provisional": {
        "zh": "{when} 到期（暂定）。",
        "en": "Due {when} (provisional).",
    },
    "working_time": {"zh": "{length}工作时间", "en": "{length} of working time"},
    "dates": {"zh": "{first} 至 {last}", "en": "{first} to {last}"},
    "remark": {"zh": "{day}（{remark}）", "en": "{day} ({remark})"},
    "reason": {"zh": "（{reason}）", "en": " ({reason})"},
    "joint": {"zh": "、", "en": ", "},
    "make_up": {"zh": "调休上班", "en": "make-up workday"},
    "half_day": {"zh": "半天", "en": "half day"},
    "special": {"zh": "特别安排", "en": "special hours"},
}

UNITS_ZH: Mapping[str, str] = {
    "minutes": "分钟",
    "working minutes": "个工作分钟",
    "hours": "小时",
    "working hours": "个工作小时",
    "days": "个自然日",
    "working days": "个工作日",
    "weeks": "周",
    "months": "个月",
}
