"""A death between post and settlement: told again under the same id, at least once (SPEC 8)."""

import os
import signal
import subprocess
import sys
import textwrap

from tests.campaigns import START
from tests.integration.outgoing.conftest import Hooks
from tests.integration.outgoing.receiver import Post, Receiver
from xmit_pipeline.model.webhooks import WebhookType

PASS = """
    import sys
    from datetime import datetime
    from xmit_pipeline.delivery.outgoing_webhooks import deliver_webhooks
    from xmit_pipeline.model.clock import FixedClock
    from xmit_pipeline.model.settings import read_settings
    from xmit_pipeline.store.connection import EmbeddedStore
    settings = read_settings()
    clock = FixedClock(datetime.fromisoformat(sys.argv[1]))
    print(deliver_webhooks(EmbeddedStore(settings.database), settings, clock))
"""


def test_a_kill_inside_the_post_tells_again_under_the_same_id(hooks: Hooks, receiver: Receiver):
    hooks.add(receiver.url, WebhookType.SENT)
    hooks.send(1)
    hooks.world.store.close()
    environment = {
        **os.environ,
        "XMIT_HOME": str(hooks.world.settings.home),
        "XMIT_WEBHOOKS_PRIVATE": "allow",
    }

    def kill(_: Post) -> tuple[int, dict[str, str], bytes]:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return 204, {}, b""

    receiver.answer = kill
    command = [sys.executable, "-c", textwrap.dedent(PASS), START.isoformat()]
    with subprocess.Popen(command, env=environment) as process:
        assert process.wait(60) == -signal.SIGKILL
    assert hooks.states() == {"waiting": 1}

    receiver.answer = lambda _: (204, {}, b"")
    assert hooks.pass_at(START).delivered == 1
    first, second = receiver.posts
    assert first.body == second.body
    assert first.headers["X-Xmit-Id"] == second.headers["X-Xmit-Id"]
    assert hooks.states() == {"delivered": 1}
