"""How pages print: the templates, escaped."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from service.alerts import words
from service.figures.phrases import counted, lasted, percent, points, shown, when


@cache
def template(name: str) -> Template:
    """A template of this room, compiled once."""
    environment = Environment(
        loader=PackageLoader("service.insight"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=lambda value: f"{value:,}",
        percent=percent,
        points=points,
        when=when,
        stamp=lambda at: at.isoformat(),
        lasted=lasted,
        counted=counted,
        sentence=words.sentence,
    )
    return environment.get_template(name)
