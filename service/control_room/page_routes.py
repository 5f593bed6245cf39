"""Every page, ready to be mounted."""

from service.control_room import (
    audit_page,
    board_page,
    display,
    report_page,
    sources_page,
    statistics_page,
    worklist_page,
)

PAGES = (
    display.router,
    board_page.router,
    worklist_page.router,
    report_page.router,
    sources_page.router,
    audit_page.router,
    statistics_page.router,
)
