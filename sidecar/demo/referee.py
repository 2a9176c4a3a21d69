"""Watches the rounds from outside: what no round may ever do, and whether both sides agree in the end."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from sidecar.bootstrap import App
from sidecar.demo.compare import Comparison, Explanations, Judge
from sidecar.demo.picture import Picture, take_picture
from sidecar.demo.rounds import Round
from sidecar.demo.sandboxes import Sandboxes
from sidecar.demo.timeline import compare_timeline
from sidecar.store.instances import Instance


@dataclass
class Referee:
    """Keeps what was true before each round."""

    sandboxes: Sandboxes
    app: App
    instance: Instance
    faults: list[str] = field(default_factory=list)
    _before: Picture | None = None
    _opted_out: set[int] = field(default_factory=set)

    def before_round(self) -> None:
        """Remember who is there."""
        self._before = take_picture(self.sandboxes)

    def after_round(self) -> None:
        """Nobody was doubled, and nobody who had opted out on both sides may be written to again."""
        picture = take_picture(self.sandboxes)
        if self._before is not None:
            self.faults += [
                f"{each} was made, though its address was there" for each in picture.doubles_since(self._before)
            ]
        linked = {contact["id"] for contact, _ in picture.twins}
        lost = ({picture.survivor(each) for each in self._opted_out} & linked) - picture.opted_out
        self.faults += [f"contact {each} had opted out, and does not any more" for each in lost]
        self._opted_out |= picture.opted_out & linked

    def judge(self, rounds: Sequence[Round]) -> Comparison:
        """Compare both sides as they are now, with all that was said in the rounds."""
        picture = take_picture(self.sandboxes)
        found = Comparison(differences=list(self.faults))
        decisions = [row for each in rounds for row in reversed(each.decisions)]
        mapping = self.app.mapping(self.instance, "people")
        Judge(picture, mapping, Explanations.of(decisions), self.sandboxes.org, found).judge()
        self._judge_timeline(picture, rounds, found)
        return found

    def _judge_timeline(self, picture: Picture, rounds: Sequence[Round], found: Comparison) -> None:
        activities = self.app.activities(self.instance)
        since = rounds[0].runs["activities"].started_at - timedelta(days=activities.first_run_days)
        compare_timeline(self.sandboxes, picture, activities.event_types, since, found)
