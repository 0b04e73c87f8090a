"""A real browser for the review page, where there is one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

CHROMIUM = shutil.which('chromium') or shutil.which('chromium-browser')
# Nothing that a browser does by itself may look like a request of the page.
_ARGUMENTS = (
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
)


@pytest.fixture(scope='session')
def browser():
    api = pytest.importorskip('playwright.sync_api', reason='playwright is not installed')
    if CHROMIUM is None:
        pytest.skip('there is no chromium: apt-get install chromium')
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser):
    """Open a page of review.py; at the end no error may have been told and nothing been fetched."""
    contexts, faults = [], []

    def open_page(path: Path, width: int = 1400, height: int = 900, context=None):
        if context is None:
            context = browser.new_context(
                viewport=dict(width=width, height=height), accept_downloads=True
            )
            contexts.append(context)
        page = context.new_page()
        page.on('pageerror', lambda error: faults.append(f'error {error}'))
        page.on(
            'console',
            lambda message: (
                faults.append(message.text) if message.type in ('error', 'warning') else None
            ),
        )
        page.on(
            'request',
            lambda request: (
                None
                if request.url.startswith(('file:', 'data:', 'blob:'))
                else faults.append(request.url)
            ),
        )
        page.goto(path.absolute().as_uri())
        page.wait_for_selector('body[data-ready]', timeout=10_000)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not faults
