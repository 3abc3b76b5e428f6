"""The sandbox imports in one direction: no module reaches itself again."""

import grimp


def test_no_module_of_the_sandbox_imports_itself_through_others() -> None:
    graph = grimp.build_graph("sandbox", cache_dir=None)
    cycles = {
        tuple(sorted((module, imported)))
        for module in graph.modules
        for imported in graph.find_modules_directly_imported_by(module)
        if graph.chain_exists(importer=imported, imported=module)
    }
    assert cycles == set()
