"""Several ticks at once, in processes of their own: nobody twice, never above the day (SPEC 4, 6.9)."""

import os
import subprocess
import sys
import textwrap
from datetime import timedelta

from tests.campaigns import START, World

TICK = """
    import sys
    from datetime import datetime
    from xmit_pipeline.delivery.tick import run_tick
    from xmit_pipeline.delivery.transport import Mailer, SendGrid
    from xmit_pipeline.model.clock import FixedClock
    from xmit_pipeline.model.settings import read_settings
    from xmit_pipeline.store.connection import EmbeddedStore
    settings = read_settings()
    clock = FixedClock(datetime.fromisoformat(sys.argv[1]))
    mailer = Mailer(SendGrid(key="SG.test", host=settings.sendgrid_host, connections=8))
    for number in range(5):
        run_tick(EmbeddedStore(settings.database), settings, clock, mailer, f"{sys.argv[2]}-{number}")
"""


def test_eight_workers_never_pass_the_limit_nor_mail_twice(world: World):
    """PAINS A1, A2, A23, H4."""
    world.domain(warmup_on=True, pacing=False, table=[700])
    world.enroll(world.sequence(), world.people(1_000))
    world.store.close()
    environment = {**os.environ, "XMIT_HOME": str(world.settings.home), "SENDGRID_HOST": world.sandbox.url}
    command = [sys.executable, "-c", textwrap.dedent(TICK), (START + timedelta(hours=1)).isoformat()]
    workers = [subprocess.Popen([*command, str(number)], env=environment) for number in range(8)]
    assert [worker.wait(timeout=120) for worker in workers] == [0] * 8
    delivered = world.delivered()
    assert len(delivered) == 700
    assert set(delivered.values()) == {1}
