"""The page as a mail: its first screen as text and as HTML, and the page attached."""

from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP

from opp_analytics.errors import ConfigError
from opp_analytics.report.digest import Digest
from opp_analytics.report.html import rendered
from opp_analytics.report.markdown import plain

__all__ = ["mail"]


def mail(digest: Digest, *, subject: str, page: bytes, name: str) -> bytes:
    """An unsent message: a mail program opens it as a draft, and a script adds sender and recipients.

    Parameters
    ----------
    digest : Digest
        What the message says.
    subject : str
        Its subject.
    page : bytes
        The HTML page, which is attached.
    name : str
        The attachment's file name.

    Raises
    ------
    ConfigError
        When css-inline is not installed.
    """
    try:
        import css_inline
    except ImportError:
        raise ConfigError(
            "the mail needs css-inline; install it with: pip install 'opp-analytics[report]'"
        ) from None
    # Mail programs drop style sheets, so each element gets its own style.
    inliner = css_inline.CSSInliner(load_remote_stylesheets=False)
    message = EmailMessage(policy=SMTP)
    message["Subject"] = subject
    message["X-Unsent"] = "1"
    message.set_content(plain(digest))
    message.add_alternative(inliner.inline(rendered("mail.html", digest=digest, page=name)), subtype="html")
    message.add_attachment(page, maintype="text", subtype="html", filename=name)
    for number, part in enumerate(part for part in message.walk() if part.is_multipart()):
        part.set_boundary(f"==opp-analytics-{number}==")  # The same inputs give the same bytes.
    return message.as_bytes()
