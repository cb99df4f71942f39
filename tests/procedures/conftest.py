"""Acme lends tools to its customers: one small pack, whole and right, for tests to spoil."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

FILES = {
    "pack.yaml": """\
        key: acme
        title: {zh: 顶点工具, en: Acme Tools}
        timezone: Europe/Berlin
        ranks: {staff: 10, head: 20, director: 60}
        departments:
          counter: {title: {zh: 柜台, en: Counter}}
          workshop: {title: {zh: 车间, en: Workshop}}
        positions:
          clerk: {title: {zh: 柜员, en: Clerk}, department: counter, rank: staff}
          counter_head: {title: {zh: 柜台主管, en: Head of the counter}, department: counter, rank: head}
          fitter: {title: {zh: 钳工, en: Fitter}, department: workshop, rank: staff}
          director: {title: {zh: 经理, en: Director}, department: counter, rank: director, everywhere: true}
        relative_positions:
          line_head: {title: {zh: 该部门主管, en: Head concerned}, rank: head, of: item.department}
        settings:
          prompt: {title: {zh: 尽快, en: Promptly}, value: 4 working hours}
        calendar:
          week: {mon: [08:00-12:00, 13:00-17:00], tue: [08:00-12:00]}
          known_until: 2026-12-31
        ladders:
          standard:
            - {at: 75%, tell: assignee}
            - {at: due, tell: [assignee, head of assignee]}
            - {after: 8 working hours, tell: director}
        numbering: {loan: "L-{YYYY}-{NNN}"}
        administration:
          people: [counter_head+]
        """,
    "calendar.yaml": """\
        2025-12-25: {kind: holiday, name: {zh: 圣诞节, en: Christmas}}
        2025-12-24: {kind: half_day, periods: [08:00-12:00]}
        """,
    "demo.yaml": """\
        people:
          ann: {name: {zh: 安, en: Ann}, positions: [clerk]}
        customers:
          - {code: C0001, name: Bolt, owner: ann}
        """,
    "tables/authority.yaml": """\
        authority:
          title: {zh: 核决权限, en: Who decides}
          clause: ["4.2"]
          valid_from: 2025-01-01
          inputs:
            matter: {type: choice, choices: [lend, write_off]}
            worth: {type: money, min: 0}
          rows:
            - {matter: lend, worth: 0..500, decides: counter_head}
            - {matter: lend, worth: 500.., decides: director}
            - {matter: write_off, decides: director}
        """,
    "lend-tools/procedure.yaml": """\
        key: lend-tools
        number: QP-07
        title: {zh: 工具出借程序, en: Lending tools}
        revision: "2"
        owner: counter
        numbering: loan
        void: counter_head+
        related: [repair-tool]
        clauses:
          "4.1": {title: {zh: 登记, en: Register}, text: {zh: 登记每次出借。, en: Every loan is registered.}, covers: [ACM-1]}
          "4.2": {title: {zh: 核准, en: Approve}, text: {zh: 主管核准。, en: The head approves.}}
          "4.10": {title: {zh: 归还, en: Return}, text: {zh: 按时归还。, en: Tools come back in time.}}
          "5": {title: {zh: 礼貌, en: Manners}, text: {zh: 以礼待人。, en: Be polite.}, manual: {zh: 人为, en: Conduct}, covers: [ACM-4]}
        clocks:
          back:
            title: {zh: 归还时限, en: Time to return}
            within: 10 working days
            from: lent_at
            until: returned_at
            paused_by: check-tool
        steps:
          register-loan:
            title: {zh: 登记, en: Register}
            clause: "4.1"
            role: clerk+
            fills: [loan]
            next: approve-loan
          approve-loan:
            title: {zh: 核准, en: Approve}
            clause: "4.2"
            role: {table: authority, matter: lend}
            approves: register-loan
            due: settings.prompt
            outcomes:
              approve:
                title: {zh: 同意, en: Approve}
                sets: {lent_at: now, state: "'lent'"}
                next: check-tool
              refuse:
                title: {zh: 不同意, en: Refuse}
                needs: reason
                when: worth > 0 and channel != 'phone'
                next: refused
          check-tool:
            title: {zh: 检查, en: Check each tool}
            clause: "4.10"
            each: {rows: tools, where: item.department != null}
            role: [line_head, person in handler]
            fills: [checking]
            due: {within: 2 working days, latest: wanted_on}
            escalate: [counter_head]
            checks:
              - that: item.state_found != null
                else: {zh: 请填写状态。, en: Say how it was found.}
            next: take-back
          take-back:
            title: {zh: 收回, en: Take back}
            clause: "4.10"
            join: all
            role: staff+ of counter
            due: {clock: back}
            escalate:
              - {at: due, tell: [assignee, doer of register-loan], opens: rule-late-loan}
            sets:
              returned_at: now
              tools:
                - where: row.department == 'workshop'
                  set: {state_found: "'worn'"}
            opens:
              - procedure: repair-tool
                when: "some(tools, #.state_found == 'worn')"
                by: fitter
                with: {tool: tools_text, loan_no: number}
                when_it_ends:
                  repaired: {complete: close-loan, with: {remark: result}}
            next: [{when: worth > 100, to: close-loan}, {else: closed}]
          close-loan:
            title: {zh: 结束, en: Close}
            clause: "4.10"
            role: counter_head
            invites:
              text: {zh: 请确认。, en: Please confirm.}
              shows: [{loan: [worth, tools]}]
              fills: {closing: [remark]}
              outcomes: [done]
              sets: {checked: remark == null}
              signs: {by: signer, on: signed_on}
              lines: {rows: tools, into: disputed, figure: theirs, with: {name: row.name}}
              valid: 5 working days
            fills: [closing]
            next: closed
          rule-late-loan:
            title: {zh: 逾期处置, en: Rule on a late loan}
            clause: "4.10"
            beside: true
            role: director
            next: []
          closed: {title: {zh: 已结束, en: Closed}, end: true}
          refused: {title: {zh: 未出借, en: Refused}, end: true}
        status_page:
          text: {zh: 进度, en: How it stands}
          shows: {loan: [wanted_on]}
          steps: [register-loan, closed]
        register:
          key: loans
          title: {zh: 出借台账, en: Loans}
          columns:
            number:
            channel:
            who: {title: {zh: 客户, en: Customer}, value: customer.name}
          filters: [channel]
          sort: -number
        customer_page: {at: wanted_on, fields: [remark]}
        indicators:
          in_time: {title: {zh: 及时率, en: In time}, counts: returned_at <= wanted_on, of: returned_at != null}
        statistics:
          by_state: {title: {zh: 按状态, en: By state}, by: state_found, rows: tools}
        """,
    "lend-tools/form.yaml": """\
        number: AC-1
        title: {zh: 出借单, en: Loan}
        revision: "1"
        forms:
          AC-1: {sections: [loan, closing]}
          AC-2: {title: {zh: 检查单, en: Check sheet}, revision: "1", sections: [checking], serial: tools_text}
        sections:
          loan:
            title: {zh: 出借, en: Loan}
            fields:
              channel:
                type: choice
                title: {zh: 途径, en: Channel}
                choices: {phone: {zh: 电话, en: Phone}, visit: {zh: 来访, en: Visit}}
                default: "'visit'"
              worth: {type: money, title: {zh: 价值, en: Worth}, decimals: 2, required: channel == 'visit'}
              wanted_on: {type: date, title: {zh: 需要日, en: Wanted on}}
              handler: {type: user, title: {zh: 经办人, en: Handler}, of: counter}
              tools:
                type: rows
                title: {zh: 工具, en: Tools}
                key: name
                columns:
                  name: {type: text, title: {zh: 名称, en: Name}}
                  department: {type: department, title: {zh: 部门, en: Department}}
                  price: {type: money, title: {zh: 单价, en: Price}}
                  double: {type: money, title: {zh: 两倍, en: Double}, computed: row.price * 2}
              tools_text: {type: text, title: {zh: 清单, en: List}, computed: "string(len(tools ?? []))"}
              lent_at: {type: datetime, title: {zh: 出借时间, en: Lent at}, system: true}
              returned_at: {type: datetime, title: {zh: 归还时间, en: Returned at}, system: true}
              state:
                type: choice
                title: {zh: 状态, en: State}
                system: true
                choices: {lent: {zh: 已借出, en: Lent}, back: {zh: 已归还, en: Back}}
          checking:
            title: {zh: 检查, en: Check}
            per: tools
            fields:
              state_found:
                type: choice
                title: {zh: 所见, en: Found}
                choices: {good: {zh: 完好, en: Good}, worn: {zh: 磨损, en: Worn}}
          closing:
            title: {zh: 结束, en: Closing}
            fields:
              remark: {type: longtext, title: {zh: 备注, en: Remark}, visible: worth > 100}
              checked: {type: boolean, title: {zh: 查过, en: Checked}, required: true}
              signer: {type: text, title: {zh: 签名, en: Signed by}}
              signed_on: {type: date, title: {zh: 日期, en: Signed on}}
              keeper: {type: user, title: {zh: 保管, en: Keeper}}
              disputed:
                type: rows
                title: {zh: 不符, en: Disputed}
                columns:
                  name: {type: text, title: {zh: 名称, en: Name}}
                  theirs: {type: money, title: {zh: 对方, en: Theirs}}
        """,
    "lend-tools/examples.yaml": """\
        - example: a loan is registered
          covers: [ACM-1, ACM-2]
        """,
    "repair-tool/procedure.yaml": """\
        key: repair-tool
        number: QP-08
        title: {zh: 工具维修, en: Repairing tools}
        revision: "1"
        owner: workshop
        customer: optional
        void: director
        clauses:
          "1": {title: {zh: 维修, en: Repair}, text: {zh: 维修。, en: Tools are repaired.}}
        steps:
          order-repair:
            title: {zh: 下单, en: Order}
            clause: "1"
            role: staff+ of workshop
            fills: [order]
            next: repaired
          repaired: {title: {zh: 已修, en: Repaired}, end: true}
        """,
    "repair-tool/form.yaml": """\
        title: {zh: 维修单, en: Repair order}
        sections:
          order:
            title: {zh: 维修, en: Order}
            fields:
              tool: {type: text, title: {zh: 工具, en: Tool}}
              loan_no: {type: text, title: {zh: 出借号, en: Loan}}
              result: {type: longtext, title: {zh: 结果, en: Result}}
        """,
}


@dataclass(frozen=True)
class PackFolder:
    path: Path

    def text(self, file: str) -> str:
        return (self.path / file).read_text(encoding="utf-8")

    def write(self, file: str, text: str) -> None:
        target = self.path / file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")

    def spoil(self, file: str, right: str, wrong: str) -> None:
        text = self.text(file)
        assert text.count(right) >= 1, f"{right!r} does not stand in {file}"
        self.write(file, text.replace(right, wrong, 1))

    def line_of(self, file: str, part: str) -> int:
        """The line where that stands first, counted from 1."""
        return self.text(file).split(part, 1)[0].count("\n") + 1


@pytest.fixture
def acme(tmp_path: Path) -> PackFolder:
    folder = PackFolder(tmp_path / "acme")
    for file, text in FILES.items():
        folder.write(file, dedent(text))
    return folder
