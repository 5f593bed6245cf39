"""Every page, ready to be mounted."""

from service.control_room import (
    audit_page,
    board_page,
    disclosing,
    display,
    mutes_page,
    notifications_page,
    report_page,
    sources_page,
    statistics_page,
    typed_page,
    worklist_page,
)

PAGES = (
    display.router,
    board_page.router,
    worklist_page.router,
    report_page.router,
    typed_page.router,
    disclosing.router,
    sources_page.router,
    mutes_page.router,
    notifications_page.router,
    audit_page.router,
    statistics_page.router,
)
