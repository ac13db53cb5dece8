"""Where the boxes of a picture stand, and by which way its arrows go: the page's own code."""

from __future__ import annotations

import json
import random
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from .looking import ROOT, needed

pytestmark = pytest.mark.browser

ESBUILD = ROOT / ".page/node_modules/.bin/esbuild"
SOURCE = ROOT / "kgraph/server/page/src/placing.ts"
_ASK = """
const found = [];
for (const { picture, room } of JSON.parse(process.argv[2])) {
  const placed = place(picture, room);
  found.push({
    boxes: [...placed.boxes.values()],
    routes: picture.edges.map((edge) => {
      const [from, to] = [placed.boxes.get(edge.dependency), placed.boxes.get(edge.dependent)];
      return { from, to, points: route(placed, from, to, edge.way) };
    }),
  });
}
console.log(JSON.stringify(found));
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    needed()
    file = tmp_path_factory.mktemp("placing") / "placing.mjs"
    made = subprocess.run(
        [ESBUILD, SOURCE, "--format=esm"], check=True, capture_output=True, text=True
    )
    file.write_text(made.stdout + _ASK)
    return file


def picture(seed: int) -> dict[str, Any]:
    """Return a picture of up to five layers, in each up to 36 boxes in several rows."""
    draw = random.Random(seed)
    nodes = [
        {"uid": f"{layer}-{n}", "layer": layer, "row": draw.randrange(3), "mark": "hit"}
        for layer in range(5)
        for n in range(draw.randrange(1, 37))
    ]
    pairs = [draw.sample(nodes, 2) for _ in range(40)]
    edges = [
        {"dependency": a["uid"], "dependent": b["uid"], "way": draw.random() < 0.5}
        for a, b in pairs
    ]
    return {
        "picture": {"nodes": nodes, "edges": edges},
        "room": draw.choice([300, 390, 830, 1200]),
    }


def test_no_arrow_passes_behind_a_box_that_it_is_not_about(program: Path) -> None:
    asked = [picture(seed) for seed in range(12)]
    said = subprocess.run(
        ["node", program, json.dumps(asked)],
        check=True,
        capture_output=True,
        text=True,
    )
    for found, question in zip(json.loads(said.stdout), asked, strict=True):
        for way in found["routes"]:
            corners = way["points"]
            for a, b in pairwise(corners):
                assert a["x"] == b["x"] or a["y"] == b["y"], corners
                assert all(0 <= end["x"] <= question["room"] for end in (a, b))
                assert not [box for box in found["boxes"] if covers(box, a, b)], corners


def covers(box: dict[str, float], a: dict[str, float], b: dict[str, float]) -> bool:
    """Whether a level or upright line runs through the inside of a box."""
    left, right = box["x"] - box["width"] / 2, box["x"] + box["width"] / 2
    top, bottom = box["y"] - box["height"] / 2, box["y"] + box["height"] / 2
    return (
        max(a["x"], b["x"]) > left
        and min(a["x"], b["x"]) < right
        and max(a["y"], b["y"]) > top
        and min(a["y"], b["y"]) < bottom
    )
