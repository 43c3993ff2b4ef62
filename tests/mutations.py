"""Breaks the code in the ways that would break its promises, and holds that named tests notice: ``make mutations``.

Each mutation is made in a copy of the tree; the tree itself stays as it is.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
LEFT_OUT = shutil.ignore_patterns(".venv", ".foreign", ".git", "__pycache__", ".*_cache", ".hypothesis", "*.db*")


@dataclass(frozen=True, slots=True)
class Mutation:
    """A change for the worse, and the test that has to fail of it."""

    name: str
    file: str
    was: str
    becomes: str
    test: str

    def made_in(self, code: str) -> str:
        """Return the code with the change. Raise ValueError where it holds the place not at all, or more than once."""
        if (places := code.count(self.was)) != 1:
            raise ValueError(f"{self.name}: {self.file} holds {self.was!r} {places} times")
        return code.replace(self.was, self.becomes)


MUTATIONS = (
    Mutation(
        "synchronous=NORMAL",
        "bot/database/engine.py",
        '"synchronous=FULL"',
        '"synchronous=NORMAL"',
        "tests/faults/power_loss/test_power_loss.py",
    ),
    Mutation(
        "a write that fails takes others with it",
        "bot/database/writer_thread.py",
        "if len(group) > 1 and begun and not results:",
        "if not group:",
        "tests/unit/database/test_writer_thread.py::test_one_of_them_that_fails_is_rolled_back_alone",
    ),
    Mutation(
        "told before the commit that it shares",
        "bot/database/writer_thread.py",
        "results += [job.run(connection) for job in group]",
        "results += [job.run(connection) for job in group]\n"
        "                return [job.done.set_result(one) for job, one in zip(group, results)] == []",
        "tests/unit/database/test_writer_thread.py::test_a_commit_that_fails_is_told_to_all_who_share_it",
    ),
    Mutation(
        "an older recording that lives again is overlooked",
        "bot/database/transaction.py",
        "ONE_OF_CALL.order_by(case((LIVE, 0), else_=1), recordings.c.requested_seq.desc())",
        "ONE_OF_CALL.order_by(recordings.c.requested_seq.desc())",
        "tests/unit/recording/monitoring/test_following.py::"
        "test_an_older_recording_that_lives_again_refuses_another_start",
    ),
    Mutation(
        "no de-duplication",
        "bot/recording/control/request_log.py",
        "if key and (earlier :=",
        "if not key and (earlier :=",
        "tests/unit/recording/control/test_service.py::test_the_same_delivery_twice_is_one_request",
    ),
    Mutation(
        "a rule acts on each event",
        "bot/recording/control/rules.py",
        "if opened.transaction.attempt_with_key(key):",
        "if not key:",
        "tests/unit/recording/control/test_act_by_rule.py::"
        "test_a_recording_that_ended_with_its_agent_is_not_begun_again_by_the_rule",
    ),
    Mutation(
        "no reading before repeating",
        "bot/recording/monitoring/reconciler.py",
        "if _as_wanted(attempt, recording, seen):",
        "if not _as_wanted:",
        "tests/unit/recording/monitoring/test_reconciler.py::test_what_took_effect_is_observed_without_another_write",
    ),
    Mutation(
        "no later look",
        "bot/recording/control/outcomes.py",
        "LATER_LOOKS = 4",
        "LATER_LOOKS = 0",
        "tests/unit/recording/monitoring/test_following.py::test_a_start_that_lands_late_is_stopped_recorded_and_said",
    ),
    Mutation(
        "no lease",
        "bot/database/transaction.py",
        'attempts.c.owner == bindparam("owned_by"),',
        'or_(attempts.c.owner == bindparam("owned_by"), attempts.c.id == bindparam("of")),',
        "tests/unit/recording/monitoring/test_reconciler.py::test_a_stale_owner_cannot_write_the_outcome",
    ),
    Mutation(
        "a write for an attempt that was taken over",
        "bot/genesys/transport/http.py",
        "            await self._within(deadline, still_ours())\n",
        "",
        "tests/integration/genesys/recording/test_adapter_taken_over.py::test_a_start_is_not_sent_though_the_call_was_read",
    ),
    Mutation(
        "an attempt that was taken over taken for one's own",
        "bot/database/transaction.py",
        'attempts.c.owner == bindparam("owned_by"),',
        'or_(attempts.c.owner == bindparam("owned_by"), attempts.c.id == bindparam("of")),',
        "tests/unit/recording/control/test_taken_over.py::test_nothing_is_sent_for_a_lost_attempt",
    ),
    Mutation(
        "blind re-posting",
        "bot/outbox/audit_channel.py",
        "await self.outbox.delivery_begun(seqs, self.clock.now())",
        "pass",
        "tests/integration/slack/outbox/test_bot_slack_faults.py::test_what_may_have_arrived_is_sent_again_and_marked",
    ),
    Mutation(
        "the SDK's default HTTP client",
        "bot/genesys/transport/http.py",
        "retries=False,\n",
        "retries=urllib3.util.Retry(10, allowed_methods=None),\n",
        "tests/integration/genesys/transport/test_adapter_errors.py::test_a_write_without_answer_or_effect_is_never_repeated",
    ),
    Mutation(
        "the Slack client's default retries",
        "bot/slack/client.py",
        "retry_handlers=[],",
        "",
        "tests/integration/slack/outbox/test_bot_slack_faults.py::test_what_may_have_arrived_is_sent_again_and_marked",
    ),
    Mutation(
        "a call before its entry",
        "bot/slack/listeners/command.py",
        "accepted = await self.context.service.intake.start(",
        "from bot.recording.models import Target\n"
        "        from bot.recording.ports import ChangeOptions, nobody_else, tell_nobody\n"
        "        how = ChangeOptions(self.context.service.clock.monotonic() + 9, tell_nobody, nobody_else)\n"
        "        await self.context.service.control.start("
        "Target(typed_id), how, reason_code=None, permit=lambda _: None)\n"
        "        accepted = await self.context.service.intake.start(",
        "tests/integration/slack/listeners/test_bot_start_stop.py::test_the_request_is_on_disk_before_genesys_sees_a_write",
    ),
    Mutation(
        "no authorization on clicks",
        "bot/recording/control/commands.py",
        "        require(opened.request.caller, Permission.CONTROL)\n        if problem is not None:",
        "        if problem is not None:",
        "tests/integration/slack/listeners/test_bot_authorisation.py::test_nobody_else_may_click",
    ),
    Mutation(
        "no authorization on option look-ups",
        "bot/slack/listeners/call_options.py",
        "if not request.caller.may(Permission.CONTROL):",
        "if not request.caller.actor:",
        "tests/integration/slack/listeners/test_modal_start.py::test_rights_that_went_while_the_modal_was_open",
    ),
    Mutation(
        "a modal's second try taken for its first",
        "bot/slack/listeners/start_modal.py",
        "tries=form.tries + 1",
        "tries=form.tries",
        "tests/integration/slack/listeners/test_modal_start.py::test_a_call_that_is_recorded_already",
    ),
    Mutation(
        "kept without a reading",
        "bot/recording/control/keeping/keeper.py",
        "return await outcomes.unknown(keep, error if isinstance(error, OutcomeUnknown) else OutcomeUnknown())",
        "from bot.recording.control.keeping.outcomes import Done\n"
        "            return await outcomes.done(keep, Done({}))",
        "tests/unit/recording/control/test_keeping.py::test_nothing_is_said_to_be_kept_before_genesys_shows_it",
    ),
    Mutation(
        "a release that anyone may ask for",
        "bot/recording/control/keeping/commands.py",
        "KeepVerb.RELEASE: Permission.RELEASE",
        "KeepVerb.RELEASE: Permission.READ",
        "tests/unit/recording/control/test_keeping.py::test_only_compliance_releases_and_nobody_under_legal_hold",
    ),
    Mutation(
        "a start driven again",
        "bot/recording/monitoring/reconciler.py",
        "elif attempt.verb in {Verb.START, Verb.FOLLOW, Verb.RESUME} or state is CallRecording.NONE:",
        "elif attempt.verb in {Verb.RESUME}:",
        "tests/unit/recording/monitoring/test_reconciler.py::test_a_start_that_did_not_take_effect_fails_and_is_not_repeated",
    ),
    Mutation(
        "an unknown outcome called a failure",
        "bot/recording/control/service.py",
        "return await self.outcomes.unknown(accepted, error, side.agent)",
        "return await self.outcomes.failed(accepted, error)",
        "tests/unit/recording/control/test_service.py::test_an_unknown_outcome_is_never_called_a_failure",
    ),
    Mutation(
        "no scope check",
        "bot/recording/control/commands.py",
        "        require_control(opened.request.caller, found)\n",
        "",
        "tests/unit/recording/test_scopes.py::test_what_runs_outside_is_not_changed",
    ),
    Mutation(
        "no scope check of what was read",
        "bot/recording/control/service.py",
        "        require_agent(self.caller, agent)\n",
        "",
        "tests/unit/recording/test_scopes.py::test_a_start_outside_is_denied_once_the_call_was_read_and_nothing_is_sent",
    ),
    Mutation(
        "anybody confirms",
        "bot/recording/control/commands.py",
        "    require(opened.request.caller, Permission.CONTROL)\n    if approval is None",
        "    if approval is None",
        "tests/unit/recording/control/test_dual_control.py::test_who_may_not_control_the_call_confirms_nothing",
    ),
    Mutation(
        "own confirmation counts",
        "bot/recording/control/commands.py",
        "    require_second(request.caller, approval)\n",
        "",
        "tests/unit/recording/control/test_dual_control.py::test_nobody_confirms_what_they_asked_for",
    ),
    Mutation(
        "a confirmation after the time counts",
        "bot/recording/models.py",
        "self.asked_at - CLOCKS_APART <= now < self.expires_at",
        "self.asked_at - CLOCKS_APART <= now",
        "tests/unit/recording/control/test_dual_control.py::test_too_late_is_too_late_before_any_loop_has_seen_it",
    ),
    Mutation(
        "a longer pause of one supervisor",
        "bot/recording/control/commands.py",
        "    alone = left_for_one(rule.pause_for_one(found), used_before(found, opened.now))\n",
        "    alone = None\n",
        "tests/unit/recording/control/test_longer_pauses.py::"
        "test_a_pause_without_an_end_is_on_at_once_and_bounded_until_a_second_supervisor_confirms",
    ),
    Mutation(
        "extensions that get around dual control",
        "bot/recording/control/time_limits.py",
        "if alone is None or until <= alone:",
        "if alone is None or until:",
        "tests/unit/recording/control/test_longer_pauses.py::"
        "test_extending_again_and_again_does_not_get_around_the_rule",
    ),
    Mutation(
        "a pause ended at the end of another one",
        "bot/recording/control/time_limits.py",
        "self.limit.until(found) == self.until",
        "self.until is not None",
        "tests/unit/recording/monitoring/test_time_limits.py::"
        "test_after_an_extension_the_older_end_does_nothing_and_writes_nothing",
    ),
    Mutation(
        "the bot's own stop under dual control",
        "bot/recording/control/time_limits.py",
        "if self.limit is Limit.RECORDING and opened.rules.dual_control.guards(found):",
        "if self.limit is None:",
        "tests/unit/recording/monitoring/test_time_limits.py::test_where_a_stop_takes_two_the_bot_is_neither_of_them",
    ),
    Mutation(
        "a start carried out however late",
        "bot/recording/control/service.py",
        "OLDEST_SECONDS = 10.0",
        "OLDEST_SECONDS = 1e9",
        "tests/integration/slack/transport/test_bot_late_requests.py::test_a_start_is_not_carried_out_late",
    ),
    Mutation(
        "a late stop refused",
        "bot/recording/control/service.py",
        "accepted.attempt.verb not in {Verb.START, Verb.FOLLOW, Verb.RESUME}",
        "accepted.attempt.verb not in Verb",
        "tests/integration/slack/transport/test_bot_late_requests.py::"
        "test_a_resume_is_not_carried_out_late_but_a_stop_is",
    ),
    Mutation(
        "a process that stood still taken for awake",
        "bot/slack/request_age.py",
        "if before is not None and now - before > STALL_SECONDS:",
        "if before is None:",
        "tests/unit/slack/test_request_age.py::test_after_a_stall_a_request_without_a_time_may_be_as_old_as_the_stall",
    ),
    Mutation(
        "a file that was replaced taken for the same",
        "bot/database/identity/file_identity.py",
        "(found := _identity(path)) == opened",
        "(found := _identity(path)) is not None",
        "tests/unit/database/test_replaced.py::test_nothing_is_written_once_the_file_is_another_one",
    ),
    Mutation(
        "a file that goes before the commit",
        "bot/database/engine.py",
        'event.listen(writer, "commit", lambda _connection: file.check())',
        "pass",
        "tests/unit/database/test_replaced.py::"
        "test_a_file_that_goes_in_the_middle_of_a_transaction_takes_its_commit_with_it",
    ),
    Mutation(
        "a restored trail taken for the same",
        "bot/database/identity/restore_detection.py",
        "return bool(found == known_hash)",
        "return True",
        "tests/unit/database/test_replaced.py::test_a_restored_trail_that_another_process_continues_is_noticed_too",
    ),
    Mutation(
        "a lock on a name only",
        "bot/database/identity/file_lock.py",
        'INDEPENDENT = sys.platform == "linux"',
        "INDEPENDENT = False",
        "tests/unit/database/test_lock.py::"
        "test_neither_another_name_nor_a_removed_lock_file_lets_a_second_process_serve",
    ),
    Mutation(
        "a tombstone taken for its file",
        "bot/admin/audit.py",
        "    if not last or (said is not None and destroyed >= last):",
        "    if True or not last or (said is not None and destroyed >= last):",
        "tests/unit/admin/test_forged_archive.py::test_a_forged_tombstone_is_broken_with_every_witness",
    ),
    Mutation(
        "typed texts not compared with their digests",
        "bot/database/trail/typed_texts.py",
        "    return hmac.compare_digest(text_digest(bytes(salt), stored), digest)",
        "    return bool(hmac.compare_digest(text_digest(bytes(salt), stored), digest) or digest)",
        "tests/unit/admin/test_changed_texts.py::test_changed_words_are_broken_and_not_shown",
    ),
    Mutation(
        "typed texts that can be changed",
        "migrations/versions/0007_typed_texts_guarded.py",
        'BEGIN SELECT RAISE(ABORT, \'typed texts are never changed\'); END\n    """,\n    "typed_texts_no_replace"',
        'BEGIN SELECT 1; END\n    """,\n    "typed_texts_no_replace"',
        "tests/unit/admin/test_changed_texts.py::test_typed_texts_are_never_changed",
    ),
    Mutation(
        "entries that can be changed",
        "migrations/versions/0001_first_tables.py",
        "RAISE(ABORT, 'audit entries are never changed')",
        "1",
        "tests/unit/database/test_sqlite.py::test_entries_are_only_added",
    ),
    Mutation(
        "workers that do not hear of a relay's own write",
        "bot/database/queries/pending_work.py",
        "known.writes != writes",
        "False",
        "tests/unit/database/queries/test_pending_work.py::test_it_reads_once_until_something_is_written",
    ),
)


def caught(mutation: Mutation, tree: Path) -> bool:
    """Make the mutation, run its test, and undo it; True where the test failed.

    Raise ValueError where it can't be made, or the test did not run.
    """
    file = tree / mutation.file
    code = file.read_text()
    file.write_text(mutation.made_in(code))
    try:
        return not passed(tree, mutation.test)
    finally:
        file.write_text(code)


def passed(tree: Path, *tests: str) -> bool:
    """Run tests in the tree. Raise ValueError where they did not run."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(
        command, cwd=tree, env=os.environ | {"PYTHONPATH": str(tree)}, capture_output=True, check=False, timeout=300
    )
    if done.returncode not in {0, 1}:  # 1: tests failed; anything else: they did not run
        raise ValueError(f"{' '.join(tests)}: {done.stdout.decode()[-2000:]}")
    return done.returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutations", description=__doc__)
    parser.add_argument(
        "wanted", nargs="*", metavar="NAME", help="a part of the names of the mutations to try; else all"
    )
    wanted = parser.parse_args().wanted
    chosen = [mutation for mutation in MUTATIONS if not wanted or any(one in mutation.name for one in wanted)]
    if not chosen:
        parser.error(f"no mutation has {' or '.join(wanted)} in its name")
    survivors = 0
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(ROOT, tree, ignore=LEFT_OUT)
        if not passed(tree, *dict.fromkeys(mutation.test for mutation in chosen)):
            raise ValueError("one of the tests fails of the code as it is, and so would notice nothing")
        for mutation in chosen:
            found = caught(mutation, tree)
            survivors += not found
            sys.stdout.write(f"{'caught  ' if found else 'SURVIVED'}  {mutation.name:<40} {mutation.test}\n")
            sys.stdout.flush()
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
