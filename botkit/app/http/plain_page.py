"""Pages behind a link that is a key: no script, no cookie, nothing cached, and no other site is told of the address."""

from __future__ import annotations

__all__ = ["page_headers", "plain_page"]

from html import escape

from starlette.responses import HTMLResponse

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex"><title>{title}</title>
<style>body{{font:1rem/1.5 system-ui,sans-serif;max-width:46rem;margin:4rem auto;padding:0 1rem}}
label{{display:block;margin:1rem 0}}input,textarea{{display:block;width:100%;font:inherit;padding:.4rem;
box-sizing:border-box}}button{{font:inherit;padding:.4rem 1rem;margin-right:.5rem}}pre{{overflow:auto;
padding:.8rem;border:1px solid;
border-radius:.3rem}}code{{overflow-wrap:anywhere}}
th{{text-align:left;vertical-align:top;padding-right:1rem}}td{{overflow-wrap:anywhere}}</style>
<main><h1>{title}</h1>{body}</main></html>
"""


def page_headers(forms: str = "'self'") -> dict[str, str]:
    """Args: forms: where its forms may lead, as the policy says it; redirects count."""
    return {
        "content-security-policy": f"default-src 'none'; style-src 'unsafe-inline'; form-action {forms}; "
        "frame-ancestors 'none'; base-uri 'none'",
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }


def plain_page(title: str, body: str, *, status: int = 200, forms: str = "'self'") -> HTMLResponse:
    """Args: body: HTML; what is not ours in it is escaped already. forms: as for `page_headers`."""
    page = _PAGE.format(title=escape(title), body=body)
    return HTMLResponse(page, status_code=status, headers=page_headers(forms))
