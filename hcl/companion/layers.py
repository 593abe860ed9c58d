"""The drawing of the layers in CONTRIBUTING.md, made from the imports: ``python -m hcl.companion.layers``."""

from pathlib import Path

from hcl.companion.contents import between
from hcl.training import places

LAYERS = {
    "hcl.companion": "hcl.companion: figures, claims, pages, the book, the command line",
    "hcl.training": "hcl.training: runs and their records",
    "hcl": "hcl: losses, bounds, geometry (torch, numpy, scipy)",
}


def layer_of(module: str) -> str:
    """Return the layer that a module lies in, a key of `LAYERS`."""
    return next(layer for layer in LAYERS if module.startswith(f"{layer}."))


def drawing() -> str:
    """Return the modules and what they import within their layer, without what follows from the rest, as Mermaid."""
    import grimp  # with the tools of development only
    import networkx as nx

    graph = grimp.build_graph("hcl", exclude_type_checking_imports=True)  # which run nowhere
    imports = nx.DiGraph()
    for module in sorted(graph.modules - {"hcl", "hcl.__main__", "hcl._moved", "hcl.training", "hcl.companion"}):
        imports.add_node(module)
        for other in sorted(graph.find_modules_directly_imported_by(module)):
            if other.startswith("hcl.") and layer_of(other) == layer_of(module) and other != "hcl.companion.claims":
                imports.add_edge(module, other)
    reduced = nx.transitive_reduction(imports)
    lines = ["```mermaid", "flowchart TD"]
    for number, (layer, title) in enumerate(LAYERS.items()):
        lines.append(f'    subgraph layer{number}["{title}"]')
        inside = sorted(module for module in imports if layer_of(module) == layer)
        lines += [f"        {_name(module)}[{module.removeprefix(layer + '.')}]" for module in inside]
        lines += [f"        {_name(a)} --> {_name(b)}" for a, b in sorted(reduced.edges) if a in inside]
        lines.append("    end")
    lines += ["    layer0 ==> layer1 ==> layer2", "```", ""]
    return "\n".join(lines)


def _name(module: str) -> str:
    return module.replace(".", "_")


def main(path: Path | None = None) -> None:
    """Put the drawing where CONTRIBUTING.md has it."""
    path = path or places.project() / "CONTRIBUTING.md"
    text = path.read_text(encoding="utf-8")
    path.write_text(between(text, "layers", drawing), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
