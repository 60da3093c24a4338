"""People on web sites: visitors who speak a web channel's protocol over real HTTP, and a site's backend that vouches.

async with Visitor(f"{url}/api/bots/webhook/web/site/", origin="https://www.example.com") as ada:
    await ada.say("hello")
    await ada.until(lambda: ada.texts() == ["Hello!"])
"""

from botkit.testing.web.identity import sign_identity
from botkit.testing.web.serving import BASE_PATH, Served
from botkit.testing.web.visitor import Shown, Visitor

__all__ = ["BASE_PATH", "Served", "Shown", "Visitor", "sign_identity"]
