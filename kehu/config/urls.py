"""Wiring table 1: addresses -> pages."""

from django.urls import URLPattern, URLResolver, include, path

from kehu.api import v1
from kehu.cases.verbs import VERBS
from kehu.portal import pages as portal
from kehu.web import (
    account,
    bulk,
    cases,
    channels,
    clock,
    customers,
    dashboard,
    deputies,
    directory,
    documents,
    form_templates,
    health,
    imports,
    inbox,
    ledgers,
    notices,
    notifications,
    papers,
    people,
    person,
    positions,
    procedures,
    registers,
    saved_views,
    search,
    session,
    settings,
    sign_in,
    statistics,
    tokens,
    working_calendar,
)

handler400 = "kehu.web.failures.unreadable"
handler403 = "kehu.web.failures.forbidden"
handler404 = "kehu.web.failures.not_found"
handler429 = "kehu.web.failures.too_many"
handler500 = "kehu.web.failures.broken"

_cases: list[URLPattern] = [
    path("", cases.case, name="case"),
    path("history/", cases.history, name="case_history"),
    path("following/", cases.following, name="case_following"),
    path("files/", cases.add_files, name="case_files"),
    path("files/<int:pk>/", cases.file, name="case_file"),
    path("paper.pdf", papers.case_paper, name="case_paper"),
    path("forms/<int:pk>/", form_templates.filled_form, name="case_form_file"),
    *(
        path(f"{verb.noun}/", cases.act, {"verb": verb.name}, name=f"case_{verb.noun}")
        for verb in VERBS.values()
        if verb.subject == "case"
    ),
]
for _task in ("tasks/<slug:step>/", "tasks/<slug:step>/<str:item>/"):
    _cases += [
        path(f"{_task}completion/", cases.completion, name="case_completion"),
        path(f"{_task}draft/", cases.draft, name="case_draft"),
        path(f"{_task}form/", cases.form, name="case_form"),
        path(f"{_task}forms/<int:pk>/", form_templates.filled_field, name="case_filled_field"),
        *(
            path(f"{_task}{verb.noun}/", cases.act, {"verb": verb.name}, name=f"case_{verb.noun}")
            for verb in VERBS.values()
            if verb.subject == "task" and verb.noun not in ("completion", "draft")
        ),
    ]

urlpatterns: list[URLPattern | URLResolver] = [
    # cases: asked for most, so looked at first
    path("cases/<str:number>/", include(_cases)),
    path("procedures/<slug:key>/cases/new/", cases.new_case, name="new_case"),
    path("procedures/<slug:key>/cases/new/form/", cases.new_form, name="new_case_form"),
    path("suggestions/customers/", cases.customer_suggestions, name="customer_suggestions"),
]

urlpatterns += [
    # the shell
    path("", inbox.inbox, name="inbox"),
    path("inbox/approvals/", bulk.approvals, name="inbox_approvals"),
    path("inbox/handovers/", bulk.handovers, name="inbox_handovers"),
    path("inbox/papers/", bulk.papers, name="inbox_papers"),
    path("inbox/<str:number>/", inbox.preview, name="inbox_preview"),
    path("dashboard/", dashboard.dashboard, name="dashboard"),
    path("dashboard/figures/<slug:key>/", dashboard.figures, name="dashboard_figures"),
    path("search/", search.search, name="search"),
    path("views/", saved_views.views, name="views"),
    path("views/<int:pk>/name/", saved_views.name, name="view_name"),
    path("views/<int:pk>/words/", saved_views.words, name="view_words"),
    path("views/<int:pk>/place/", saved_views.place, name="view_place"),
    path("views/<int:pk>/copy/", saved_views.copy, name="view_copy"),
    path("views/<int:pk>/removal/", saved_views.removal, name="view_removal"),
    path("views/<int:pk>/sharing/", saved_views.sharing, name="view_sharing"),
    path("views/<int:pk>/default/", saved_views.default, name="view_default"),
    path("notices/", notices.notices, name="notices"),
    path("notices/reading/", notices.reading, name="notices_reading"),
    path("notices/<int:key>/", notices.notice, name="notice"),
    path("language/", session.language, name="language"),
    path("shortcuts/", session.shortcuts, name="shortcuts"),
    path("imports/", imports.imports, name="imports"),
    path("imports/templates/<str:key>/", imports.template, name="import_template"),
    path("imports/<int:pk>/", imports.sheet, name="import"),
    path("imports/<int:pk>/file/", imports.original, name="import_file"),
    path("imports/<int:pk>/reading/", imports.reading, name="import_reading"),
    path("imports/<int:pk>/columns/", imports.columns, name="import_columns"),
    path("imports/<int:pk>/columns/again/", imports.columns_again, name="import_columns_again"),
    path("imports/<int:pk>/run/", imports.run, name="import_run"),
    path("imports/<int:pk>/pause/", imports.pause, name="import_pause"),
    path("imports/<int:pk>/resumption/", imports.resumption, name="import_resumption"),
    path("imports/<int:pk>/cancellation/", imports.cancellation, name="import_cancellation"),
    path("imports/<int:pk>/undo/", imports.undo, name="import_undo"),
    path("imports/<int:pk>/refused/", imports.refused, name="import_refused"),
    path("settings/", settings.settings, name="settings"),
    path("settings/notifications/", notifications.notifications, name="notifications"),
    path("settings/channels/", channels.channels, name="channels"),
    path("settings/channels/default/", notifications.notifications_default, name="notifications_default"),
    path("settings/channels/undelivered/", channels.undelivered, name="undelivered"),
    path("settings/channels/new-chat/", channels.new_chat, name="new_chat"),
    path("settings/channels/new-webhook/", channels.new_webhook, name="new_webhook"),
    path("settings/channels/<slug:key>/", channels.channel, name="channel"),
    path("settings/channels/<slug:key>/trial/", channels.trial, name="channel_trial"),
    path("settings/channels/<slug:key>/state/", channels.state, name="channel_state"),
    path("settings/channels/<slug:key>/removal/", channels.removal, name="channel_removal"),
    path("settings/channels/<slug:key>/secret/", channels.secret, name="channel_secret"),
    path("settings/channels/<slug:key>/replay/", channels.replay, name="channel_replay"),
    path("settings/deputies/", deputies.own, name="deputies"),
    path("settings/deputies/rules/<int:pk>/answer/", deputies.answer, name="deputy_answer"),
    path("settings/deputies/absences/<int:pk>/end/", deputies.back, name="absence_end"),
    path("settings/people/", people.people, name="people"),
    path("settings/people/<slug:key>/", person.member, name="member"),
    *(
        path(f"settings/people/<slug:key>/{act}/", person.act, {"act": act}, name=f"member_{act}")
        for act in person.ACTS
    ),
    path("settings/positions/", positions.positions, name="positions"),
    path("settings/tokens/", tokens.own, name="tokens"),
    path("settings/all-tokens/", tokens.all_tokens, name="all_tokens"),
    path("settings/tokens/<int:pk>/revocation/", tokens.revocation, name="token_revocation"),
    path("clock/", clock.move, name="clock"),
    # for machines
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
    # customers
    path("customers/", customers.customers, name="customers"),
    path("customers/<str:code>/", customers.customer, name="customer"),
    path("customers/<str:code>/facts/", directory.facts, name="customer_facts"),
    path("customers/<str:code>/likeness/", directory.likeness, name="customer_likeness"),
    path("customers/<str:code>/merger/", directory.merger, name="customer_merger"),
    path("customers/<str:code>/folder/", customers.folder, name="customer_folder"),
    path("customers/<str:code>/<slug:key>/", ledgers.ledger, name="customer_ledger"),
    path("customers/<str:code>/<slug:key>/excel/", ledgers.ledger_excel, name="customer_ledger_excel"),
    path("ledgers/<slug:key>/", ledgers.ledger, name="ledger"),
    path("ledgers/<slug:key>/excel/", ledgers.ledger_excel, name="ledger_excel"),
    # their own forms
    path("settings/form-templates/", form_templates.form_templates, name="form_templates"),
    path("settings/form-templates/new/", form_templates.new_form_template, name="new_form_template"),
    path("settings/form-templates/<int:pk>/", form_templates.form_template, name="form_template"),
    path(
        "settings/form-templates/<int:pk>/revisions/",
        form_templates.form_template_revision,
        name="form_template_revision",
    ),
    path(
        "settings/form-templates/<int:pk>/revisions/<int:revision>/",
        form_templates.form_template_file,
        name="form_template_file",
    ),
    path(
        "settings/form-templates/<int:pk>/preview/", form_templates.form_template_preview, name="form_template_preview"
    ),
    path(
        "settings/form-templates/<int:pk>/withdrawal/",
        form_templates.form_template_withdrawal,
        name="form_template_withdrawal",
    ),
    # papers
    path("procedures/<slug:key>/paper.pdf", papers.procedure_paper, name="procedure_paper"),
]

urlpatterns += [
    # signing in; names with account_, mfa_ and socialaccount_ are those that allauth asks for
    path("sign-in/", session.sign_in, name="sign_in"),
    path("sign-in/", session.sign_in, name="account_login"),
    path("sign-out/", session.sign_out, name="sign_out"),
    path("sign-in/password/", sign_in.forgotten, name="forgotten"),
    path("sign-in/password/<str:token>/", sign_in.password_link, name="password_link"),
    path("sign-in/second-factor/", sign_in.SecondFactor.as_view(), name="mfa_authenticate"),
    path("sign-in/passkey/", sign_in.Passkey.as_view(), name="mfa_login_webauthn"),
    path("sign-in/closed/", sign_in.closed, name="account_inactive"),
    path("sign-in/cancelled/", sign_in.provider_cancelled, name="socialaccount_login_cancelled"),
    path("sign-in/with/<str:provider>/", sign_in.with_provider, name="sign_in_with"),
    path("sign-in/with/<str:provider_id>/answer/", sign_in.provider_answer, name="openid_connect_callback"),
    path("sign-in/with/dingtalk/answer/", sign_in.provider_answer, {"provider_id": "dingtalk"}, "dingtalk_callback"),
    path("sign-in/with/feishu/answer/", sign_in.provider_answer, {"provider_id": "feishu"}, "feishu_callback"),
    path("sign-in/again/", account.Again.as_view(), name="account_reauthenticate"),
    path("sign-in/again/code/", account.AgainByCode.as_view(), name="mfa_reauthenticate"),
    path("sign-in/again/passkey/", account.AgainByPasskey.as_view(), name="mfa_reauthenticate_webauthn"),
    path("organization/", session.organization, name="organization"),
    # the working calendar
    path("settings/calendar/", working_calendar.year, name="working_calendar"),
    path("settings/calendar/day/", working_calendar.day, name="working_calendar_day"),
    path("settings/calendar/weeks/", working_calendar.weeks, name="working_calendar_weeks"),
    path("settings/calendar/proposals/", working_calendar.propose, name="working_calendar_proposals"),
    path("settings/calendar/proposals/<int:pk>/", working_calendar.proposal, name="working_calendar_proposal"),
    # one's own access
    path("settings/security/", account.security, name="security"),
    path("settings/security/", account.security, name="mfa_index"),
    path("settings/security/", account.security, name="mfa_list_webauthn"),
    path("settings/security/password/", account.Password.as_view(), name="account_change_password"),
    path("settings/security/first-password/", account.FirstPassword.as_view(), name="account_set_password"),
    path("settings/security/app/", account.App.as_view(), name="mfa_activate_totp"),
    path("settings/security/app/removal/", account.AppRemoval.as_view(), name="mfa_deactivate_totp"),
    path("settings/security/codes/", account.Codes.as_view(), name="mfa_view_recovery_codes"),
    path("settings/security/codes/renewal/", account.CodesRenewal.as_view(), name="mfa_generate_recovery_codes"),
    path("settings/security/codes/codes.txt", account.CodesFile.as_view(), name="mfa_download_recovery_codes"),
    path("settings/security/passkeys/new/", account.NewPasskey.as_view(), name="mfa_add_webauthn"),
    path("settings/security/passkeys/<int:pk>/removal/", account.PasskeyRemoval.as_view(), name="mfa_remove_webauthn"),
    path("settings/security/identities/<int:pk>/removal/", account.unlink, name="identity_removal"),
    path("settings/security/identities/<str:provider>/", account.link, name="identity"),
    path("settings/security/sessions/removal/", account.end_others, name="sessions_removal"),
    path("settings/security/sessions/<str:named>/removal/", account.end_one, name="session_removal"),
]

urlpatterns += [
    # registers
    path("registers/", registers.registers, name="registers"),
    path("registers/<slug:key>/", registers.register, name="register"),
    path("registers/<slug:key>/register.xlsx", registers.register_excel, name="register_excel"),
    # documents
    path("documents/", documents.documents, name="documents"),
    path("documents/<path:number>/paper.pdf", documents.blank_paper, name="blank_paper"),
    # procedures
    path("procedures/", procedures.procedures, name="procedures"),
    path("procedures/schedules/", procedures.schedules, name="schedules"),
    path("procedures/<slug:key>/", procedures.procedure, name="procedure"),
    path("procedures/<slug:key>/switch/", procedures.switch, name="procedure_switch"),
    # statistics
    path("statistics/", statistics.statistics, name="statistics"),
    path("statistics/<slug:key>/", statistics.statistics, name="statistics_of"),
]

# people outside, by a link
urlpatterns += [
    path("invitation/<str:token>/", portal.page, name="invitation"),
    path("invitation/<str:token>/opening/", portal.opening, name="invitation_opening"),
    path("invitation/<str:token>/answer/", portal.answer, name="invitation_answer"),
    path("invitation/<str:token>/form/", portal.form, name="invitation_form"),
    path("invitation/<str:token>/paper.pdf", portal.paper, name="invitation_paper"),
    path("invitation/<str:token>/files/<int:pk>/", portal.file, name="invitation_file"),
]

# programs
urlpatterns += v1.urlpatterns
