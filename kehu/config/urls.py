"""Wiring table 1: addresses -> pages."""

from django.http import HttpResponse
from django.urls import URLPattern, URLResolver, path

from kehu.web import cases, clock, customers, inbox, notices, papers, procedures, registers, session, statistics

handler403 = "kehu.web.failures.forbidden"
handler404 = "kehu.web.failures.not_found"
handler500 = "kehu.web.failures.broken"

urlpatterns: list[URLPattern | URLResolver] = [
    # the shell
    path("", inbox.inbox, name="inbox"),
    path("inbox/<str:number>/", inbox.preview, name="inbox_preview"),
    path("notices/", notices.notices, name="notices"),
    path("notices/reading/", notices.reading, name="notices_reading"),
    path("notices/<int:key>/", notices.notice, name="notice"),
    path("sign-in/", session.sign_in, name="sign_in"),
    path("sign-out/", session.sign_out, name="sign_out"),
    path("language/", session.language, name="language"),
    path("clock/", clock.move, name="clock"),
    path("healthz", lambda request: HttpResponse("ok", content_type="text/plain"), name="healthz"),
    # customers
    path("customers/", customers.customers, name="customers"),
    path("customers/<str:code>/", customers.customer, name="customer"),
    # papers
    path("cases/<str:number>/paper.pdf", papers.case_paper, name="case_paper"),
    path("procedures/<slug:key>/paper.pdf", papers.procedure_paper, name="procedure_paper"),
]

urlpatterns += [
    # cases
    path("procedures/<slug:key>/cases/new/", cases.new_case, name="new_case"),
    path("procedures/<slug:key>/cases/new/form/", cases.new_form, name="new_case_form"),
    path("cases/<str:number>/", cases.case, name="case"),
    path("cases/<str:number>/voiding/", cases.voiding, name="case_voiding"),
    path("cases/<str:number>/reopening/", cases.reopening, name="case_reopening"),
    path("cases/<str:number>/files/", cases.add_files, name="case_files"),
    path("cases/<str:number>/files/<int:pk>/", cases.file, name="case_file"),
]
for _task in ("cases/<str:number>/tasks/<slug:step>/", "cases/<str:number>/tasks/<slug:step>/<str:item>/"):
    urlpatterns += [
        path(f"{_task}completion/", cases.completion, name="case_completion"),
        path(f"{_task}draft/", cases.draft, name="case_draft"),
        path(f"{_task}form/", cases.form, name="case_form"),
        path(f"{_task}return/", cases.send_back, name="case_return"),
        path(f"{_task}handover/", cases.handover, name="case_handover"),
    ]

urlpatterns += [
    # registers
    path("registers/", registers.registers, name="registers"),
    path("registers/<slug:key>/", registers.register, name="register"),
    path("registers/<slug:key>/register.xlsx", registers.register_excel, name="register_excel"),
    # procedures
    path("procedures/", procedures.procedures, name="procedures"),
    path("procedures/<slug:key>/", procedures.procedure, name="procedure"),
    # statistics
    path("statistics/", statistics.statistics, name="statistics"),
    path("statistics/<slug:key>/", statistics.statistics, name="statistics_of"),
]
