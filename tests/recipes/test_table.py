"""Every recipe of docs/recipes.md and every shipped rule has a test here; README.md lists them."""
import ast
import glob
import json
import os
import re

import stack as servers
from lib import process

HERE = os.path.dirname(os.path.abspath(__file__))
DOCUMENT = os.path.join(process.ROOT, "docs", "recipes.md")
README = os.path.join(HERE, "README.md")


def marks():
    """(section, rule file, rules, module, test) of each mark `recipe`."""
    for path in sorted(glob.glob(os.path.join(HERE, "test_*.py"))):
        tree = ast.parse(process.read(path))
        rules = [node.value.value for node in tree.body if isinstance(node, ast.Assign)
                 and node.targets[0].id == "RULES"]
        for function in tree.body:
            for mark in getattr(function, "decorator_list", []):
                if ast.unparse(mark).startswith("pytest.mark.recipe("):
                    section, *names = [argument.value for argument in mark.args]
                    yield section, rules[0], names, os.path.basename(path), function.name


def sections():
    """The recipes of the document: each heading that rules stand below."""
    text = process.read(DOCUMENT)
    return re.findall(r"^## (.+)\n(?:(?!^## ).*\n)*?Rules?: ", text, re.M)


def shipped():
    return {(os.path.basename(path)[:-len(".json")], rule["name"])
            for path in glob.glob(os.path.join(servers.RULES, "*.json"))
            if not path.endswith("_test.json")
            for rule in json.loads(process.read(path))["rules"]}


def table():
    rows = {}
    for section, rules, _, module, test in marks():
        rows.setdefault((section, rules, module), []).append("`%s`" % test[len("test_"):])
    order = sections()
    lines = ["| recipe | rules | module | `test_`... |", "|---|---|---|---|"]
    for (section, rules, module), tests in sorted(rows.items(), key=lambda row: order.index(
            row[0][0])):
        lines.append("| %s | `%s.json` | `%s` | %s |" % (section, rules, module, ", ".join(tests)))
    return "\n".join(lines) + "\n"


def test_every_recipe_of_the_document_has_a_test():
    assert len(sections()) > 20
    assert sorted({mark[0] for mark in marks()}) == sorted(sections())


def test_every_shipped_rule_has_a_test():
    tested = {(rules, name) for _, rules, names, _, _ in marks() for name in names}
    assert tested == shipped()


def test_the_readme_lists_them():
    assert table() in process.read(README)


if __name__ == "__main__":
    print(table(), end="")
