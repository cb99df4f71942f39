"""Cases that fill a page: a complaint of two departments, one of which objects first, in its second round; and a report."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from kehu.cases import actions
from kehu.cases.examples import Player
from kehu.cases.models import Attachment, Case
from kehu.core.models import Organization, StoredFile
from kehu.organizations.models import Member
from kehu.procedures.sources import Source
from tests.cast import Telling, at, mfg_pack, to_departments

NAMES = {
    "sales_receiver": ("梁嘉琪", "Liang Jiaqi"),
    "sales_rep": ("方慧敏", "Fang Huimin"),
    "sales_deputy_manager": ("陆文涛", "Lu Wentao"),
    "complaint_tracker": ("郭志强", "Guo Zhiqiang"),
    "sales_handler": ("曾晓彤", "Zeng Xiaotong"),
    "sales_head": ("黄建业", "Huang Jianye"),
    "qa_head": ("何振华", "He Zhenhua"),
    "quality_manager": ("罗思明", "Luo Siming"),
    "qc_staff": ("韦志远", "Wei Zhiyuan"),
    "materials_head": ("唐伟明", "Tang Weiming"),
    "materials_manager": ("冯立新", "Feng Lixin"),
    "warehouse_keeper": ("莫桂芳", "Mo Guifang"),
    "eng_head": ("谭永康", "Tan Yongkang"),
    "engineering_manager": ("蒋国栋", "Jiang Guodong"),
    "vice_gm": ("钟启明", "Zhong Qiming"),
}


def name_people(organization: Organization) -> None:
    """Holders of positions get names of their own, so that names and positions can be told apart on paper."""
    for key, (zh, en) in NAMES.items():
        Member.everywhere.filter(organization=organization, key=key).update(name={"zh": zh, "en": en})


QUALITY = {
    "state_confirmed": "抽查在库 50 件，毛刺 6 件；客户处 3 件照片已确认。",
    "talked_by": "qc_staff",
    "talked_with": "何经理",
    "talked_at": at("2024-03-15 14:40"),
    "cause": "折弯模刃口磨损，首件检验未覆盖内角。",
    "actions": [
        {
            "what": "全检在库支架",
            "who": "qc_staff",
            "how": "逐件目视加手感检查，不良品返工去毛刺",
            "where": "成品仓",
            "when_done": "2024-03-20",
            "why": "防止不良流出",
        },
        {
            "what": "修订首件检验表",
            "who": "qa_head",
            "how": "增加内角毛刺项目，培训检验员",
            "where": "品质部",
            "when_done": "2024-03-22",
        },
    ],
    "planned_completion": "2024-03-22",
}
MATERIALS = {
    "state_confirmed": "仓库包装为散装，运输中相互碰撞。",
    "talked_by": "materials_head",
    "talked_with": "何经理",
    "talked_at": at("2024-03-15 15:05"),
    "cause": "未按包装规范加隔板。",
    "actions": [{"what": "加隔板包装", "who": "warehouse_keeper", "how": "每层加纸隔板，每箱 40 件", "where": "资材部成品仓", "when_done": "2024-03-19"}],
    "planned_completion": "2024-03-19",
}  # fmt: skip


def round_of(telling: Telling) -> Telling:
    """Both departments answer, the copies go out, the customer is answered, the actions are tracked."""
    for item, head, manager, part in (
        ("quality", "qa_head", "quality_manager", QUALITY),
        ("materials", "materials_head", "materials_manager", MATERIALS),
    ):
        telling.do("propose-countermeasure", item=item, by=head, outcome="submit", **part)
        telling.now += timedelta(minutes=10)
        telling.do("approve-countermeasure", item=item, by=manager, outcome="approve")
    telling.do("distribute-copy", by="complaint_tracker")
    telling.do(
        "reply-customer",
        by="sales_handler",
        reply_channel="email",
        reply_to="何经理",
        reply_text="三天内补换毛刺件，并改善包装。",
    )
    done = [
        {"action": line["what"], "actual": "2024-03-15", "state": "done"}
        for line in (*QUALITY["actions"], *MATERIALS["actions"])
    ]
    return telling.do("track-actions", by="complaint_tracker", tracking=done, outcome="all_done")


def complaint_in_second_round(organization: Organization, **more: Any) -> Telling:
    name_people(organization)
    telling = Telling(organization).start(
        channel="phone",
        caller="何经理",
        phone="0755-555-0101",
        contact="何经理",
        severity="serious",
        product="BR-120 支架",
        lot="PO-2403-118",
        qty_delivered=1200,
        qty_defective=36,
        content="支架折弯处有毛刺，装配时划伤手指；另有 12 件表面碰伤。",
        demand="三天内换货，并书面说明原因和对策。",
        customer_limit=at("2024-03-18 17:00"),
        **more,
    )
    attach(telling, "毛刺照片 1.jpg", "8D 要求.pdf")
    telling.now += timedelta(minutes=5)
    to_departments(telling, "quality", "engineering")
    telling.now += timedelta(minutes=20)
    telling.do(
        "propose-countermeasure",
        item="engineering",
        by="eng_head",
        outcome="object",
        reason="图纸与工艺无误，碰伤发生在包装和运输。",
    )
    telling.now += timedelta(minutes=25)
    telling.do(
        "rule-responsibility", by="vice_gm", ruling_department="materials", ruling_text="碰伤由包装造成，由资材部负责。"
    )
    telling.do(
        "countermeasure-meeting",
        by="vice_gm",
        outcome="held",
        chair="vice_gm",
        participants="品质、资材、业务",
        minutes="对策当日提出。",
    )
    telling.do(
        "notify-departments",
        by="complaint_tracker",
        notices=[{"department": "materials", "notified_at": telling.now, "person": "唐伟明"}],
    )
    round_of(telling)
    telling.now += timedelta(minutes=20)
    telling.do(
        "confirm-customer",
        by="complaint_tracker",
        customer_opinion="not_met",
        opinion_text="补换件中仍有 2 件毛刺。",
        effect_reached=False,
        outcome="not_ok",
    )
    telling.do(
        "notify-departments",
        by="complaint_tracker",
        notices=[{"department": one, "notified_at": telling.now} for one in ("quality", "materials")],
    )
    telling.now += timedelta(minutes=15)
    telling.do(
        "propose-countermeasure",
        item="quality",
        by="qa_head",
        outcome="submit",
        **{**QUALITY, "cause": "返工后未复检。"},
    )
    return telling  # fmt: skip


def report(organization: Organization) -> Case:
    """A corrective report that waits for its verification."""
    name_people(organization)
    telling = Telling(organization)
    telling.case = actions.open_case(
        organization=organization,
        procedure="corrective-preventive-report",
        by="sales_rep",
        now=telling.now,
        customer="C0001",
        values={
            "type": "corrective",
            "source": "complaint",
            "source_ref": "CP-202403-001",
            "responsible_dept": "quality",
            "problem": "补换件中仍有毛刺。",
            "due": "2024-03-29",
        },
    )
    telling.do("approve-report", by="sales_head", outcome="approve")
    telling.do(
        "plan-action",
        by="qa_head",
        cause="返工后未复检。",
        temporary_action="隔离在库品。",
        corrective_action="返工品全检并记录。",
        preventive_action="修订返工作业指导书。",
        done_by="qc_staff",
        planned="2024-03-22",
    )
    telling.do("act", by="qc_staff", completed="2024-03-15")
    assert telling.case
    return telling.case


def form_reply(organization: Organization) -> Telling:
    """A complaint whose customer wants his own form: the reply is open, and nothing is filled in it."""
    name_people(organization)
    telling = Telling(organization).start()
    telling.do("accept-complaint", by="sales_deputy_manager", outcome="help", help_needed=True)
    telling.do(
        "fill-sheet",
        by="sales_rep",
        outcome="clear",
        customer_form_required=True,
        departments=[{"department": "quality"}],
    )
    telling.do("approve-sheet", by="sales_deputy_manager", outcome="approve", tracker="complaint_tracker")
    telling.do(
        "notify-departments",
        by="complaint_tracker",
        notices=[{"department": "quality", "notified_at": telling.now}],
    )
    telling.do("propose-countermeasure", item="quality", by="qa_head", outcome="submit", **QUALITY)
    telling.do("approve-countermeasure", item="quality", by="quality_manager", outcome="approve")
    telling.do("distribute-copy", by="complaint_tracker")
    telling.case = Case.objects.get(parent=telling.case)
    return telling


@cache
def _stories() -> Source:
    return Source.read(Path(__file__).with_name("papers.yaml"))


def played(organization: Organization, story: str) -> tuple[Case, datetime]:
    """The case that a story of `papers.yaml` is about, and when it ends: the last that it opened of the procedure it names (`of:`),
    otherwise the last that it started."""
    name_people(organization)
    source = _stories()
    number = next(number for number, one in enumerate(source.value) if one["example"] == story)
    player = Player(mfg_pack(), organization, source, number, source.value[number])
    differences = [str(one) for one in player.play()]
    assert differences == []
    of = source.value[number].get("of")
    case = Case.objects.filter(procedure__key=of).order_by("pk").last() if of else player.started[-1]
    case.refresh_from_db()
    return case, player.now


def attach(telling: Telling, *names: str) -> None:
    for number, name in enumerate(names):
        stored = StoredFile.objects.create(
            digest=f"{number:064}", size=180_000 * (number + 1), content_type="image/jpeg", path=name
        )
        Attachment.objects.create(
            case=telling.case,
            stored=stored,
            name=name,
            field="files",
            by=Member.objects.get(key="sales_receiver"),
            at=telling.now,
        )
