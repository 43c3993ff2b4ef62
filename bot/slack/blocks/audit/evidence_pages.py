"""The pages of an evidence file: the timeline, and how to check it, with the bot and without."""

from __future__ import annotations

from html import escape
from importlib import metadata
from typing import TYPE_CHECKING

from bot.audit.evidence.file import EvidenceFile, check
from bot.slack.blocks.audit.timeline import STYLE, Timeline

if TYPE_CHECKING:
    from bot.audit.evidence.file import Evidence


def made_by() -> str:
    """Return what makes evidence files: the bot with its version."""
    return f"record-bot {metadata.version('record-bot')}"


def packed(evidence: Evidence) -> bytes:
    """Return the file with its pages, checked as a reader would. Raise NotEvidence if the trail was changed."""
    data = EvidenceFile(evidence, Timeline(evidence).page(), guide(evidence)).packed()
    check(EvidenceFile.unpacked(data).evidence)
    return data


def guide(evidence: Evidence) -> str:
    """Return the page. The same evidence gives the same page."""
    roots = " ".join(f"--root {tree.root}" for tree in evidence.trees)
    days = "".join(
        f"<li>{escape(tree.day)}: the digest with the audit number #{tree.digest_seq}</li>\n" for tree in evidence.trees
    )
    unproven = (
        f"<p><b>{len(evidence.unproven)} of {len(evidence.entries)} entries have no proof in this file</b>; the "
        "timeline says which, and why. They can be proven with a file that is made later, once a digest has published "
        "their root.</p>"
        if evidence.unproven
        else ""
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>How to check this evidence</title>
<style>{STYLE}</style>
</head>
<body>
<h1>How to check this evidence</h1>
<p>It is about the call <code>{escape(evidence.conversation_id)}</code>.</p>
<h2>What it shows, and what it doesn't</h2>
<p>record-bot keeps an audit trail in which every entry holds the hash of the one before. Once a day it publishes, in \
a Slack channel, one hash that stands for all entries of the day: their <i>root</i>. This file proves that its entries \
stood under those roots when they were published, and that not a character of them has changed since.</p>
<p>It doesn't prove that there are no other entries about the call: for that, have the whole trail verified \
(<code>record-bot audit verify</code>). It doesn't prove names of people, agents and queues; the ids in the entries \
are proven. Typed text is proven where it is shown.</p>
{unproven}
<h2>1. Compare the roots</h2>
<p>Look up the daily digests in the audit channel yourself, and copy the root of the day from there:</p>
<ul>
{days or "<li>none yet</li>"}</ul>
<h2>2. Check the file with record-bot</h2>
<p>No database, no settings and no access to Slack or Genesys are needed:</p>
<p><code>record-bot audit verify FILE.zip {escape(roots) or "--root ROOT"}</code></p>
<p>Use the roots that you copied, not the ones that are printed here. The answer is Intact if every entry stands under \
them and the pages are the ones that the entries give.</p>
<h2>3. Or check it with a program of your own</h2>
<p>All that is needed is SHA-256 and a JSON library.</p>
<ol>
<li><code>sha256sum -c SHA256SUMS</code> has to confirm the four other parts of the file.</li>
<li>Each line of <code>entries.jsonl</code> is an entry. Take <code>hash</code> and <code>previous_hash</code> out of \
the object, and write the rest as JSON with sorted keys, without white space, as UTF-8 without escapes for non-ASCII \
characters (RFC 8785). SHA-256 over the 64 characters of <code>previous_hash</code> followed by that text has to give \
<code>hash</code>.</li>
<li>In <code>evidence.json</code>, each of <code>proofs</code> has the number of an entry (<code>seq</code>), and by \
<code>digest_seq</code> one of <code>trees</code>. The entry is leaf number <code>seq - first_seq</code>, counted from \
0, of a tree with <code>last_seq - first_seq + 1</code> leaves. The leaf is SHA-256 over a byte 0 and the 32 bytes of \
the entry's hash. A node is SHA-256 over a byte 1, the left and the right one below it. With the hashes in \
<code>path</code>, from the leaf up, the result has to be the tree's <code>root</code> (RFC 6962, section 2.1; RFC \
9162, section 2.1.3.2, has the steps).</li>
<li>That root has to be the one in the digest in the audit channel.</li>
<li>For typed text: HMAC-SHA-256 with <code>salt</code> (hexadecimal) as the key over <code>text</code> has to give \
the <code>reason_digest</code> of the entry with the same <code>attempt_id</code>.</li>
</ol>
</body>
</html>
"""
