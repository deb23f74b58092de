"""A site with something on every page."""

from dataclasses import dataclass

from tests.browser.site import Site


@dataclass
class Furnished:
    site: Site


def furnish(site: Site) -> Furnished:
    return Furnished(site)
