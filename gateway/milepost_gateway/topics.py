"""Topics: always seven levels, `<root>/v1/<area>/<gateway>/<site>/<kind>/<stream>`, made here and nowhere else."""

from typing import NamedTuple

VERSION = "v1"
GATEWAY_SITE = "_"  # the site of what the gateway says about itself
GATEWAY_STREAM = "gateway"

OBS, HIST, EVENT, META, STATUS, HEALTH, CMD, RSP = "obs", "hist", "event", "meta", "status", "health", "cmd", "rsp"
KINDS = (OBS, HIST, EVENT, META, STATUS, HEALTH, CMD, RSP)


class Place(NamedTuple):
    """Where a gateway stands in the tree of topics."""

    root: str
    area: str
    gateway: str

    def topic(self, site: str, kind: str, stream: str) -> str:
        """The topic of one kind and stream at a site."""
        return f"{self.root}/{VERSION}/{self.area}/{self.gateway}/{site}/{kind}/{stream}"

    def own(self, kind: str) -> str:
        """The gateway's own topic of a kind."""
        return self.topic(GATEWAY_SITE, kind, GATEWAY_STREAM)
