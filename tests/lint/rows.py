#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that the tables of policy/ name all that the Engine's own API descriptions name.

Every operation has its row in operations.def, with its method and path; every field of a body that
is judged, at any depth, in the table of that body; every query parameter of an operation that a
policy can allow in queries.def; every name of a filter in filters.def.  And nothing stands in a table twice.  An API description that is added to
tests/data/engine-api is read too.
"""
import glob
import gzip
import os
import re
import sys

import yaml

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from report import finish  # noqa: E402

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")

# What descriptions say by mistake: no Engine has it, so no row can.  Path or (operation, parameter)
# and the reason.
MISTAKES = {
    "Volumes.additionalProperties": "1.25 writes a Swagger keyword where a property's name goes",
    "HostConfig.PortBindings{}.HostIp": "1.25 and 1.30 forget that each port has a list",
    "HostConfig.PortBindings{}.HostPort": "1.25 and 1.30 forget that each port has a list",
}

# Operations whose body is refused whole, and why.
BODY_REFUSED = {
    "ImageCreate": "only the import of an image has one, and nothing is imported",
}


def read_bodies():
    """The tables of bodies, {"BODY_CREATE": "policy/create.def", ...}, as schemas.def names them."""
    with open("policy/schemas.def", encoding="utf-8") as file:
        return {"BODY_" + name: "policy/" + table for name, table in
                re.findall(r'^SCHEMA\((\w+),.*\)\n#include "(.+)"\nSCHEMA_END$', file.read(),
                           flags=re.M)}


def loader():
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def descriptions():
    """(version, description) of every description, the oldest first."""
    for path in sorted(glob.glob("tests/data/engine-api/v1.*.yaml.gz")):
        with gzip.open(path) as file:
            yield os.path.basename(path)[1:-len(".yaml.gz")], yaml.load(file, Loader=loader())


def without_comments(text):
    """What begins with a quote is a string: a comment does not begin in it."""
    return re.sub(r'"(?:[^"\\]|\\.)*"|/\*.*?\*/',
                  lambda m: m.group() if m.group()[0] == '"' else "\n" * m.group().count("\n"),
                  text, flags=re.S)


def rows(path, macro):
    """The rows MACRO(a, b, ...) of a table as (line, [cells]); strings without their quotes."""
    with open(path, encoding="utf-8") as file:
        text = without_comments(file.read())
    for match in re.finditer(r"^%s\(" % macro, text, flags=re.M):
        depth, end, quoted = 1, match.end(), False
        while depth:
            char = text[end]
            if char == "\\" and quoted:
                end += 1
            elif char == '"':
                quoted = not quoted
            elif not quoted:
                depth += (char == "(") - (char == ")")
            end += 1
        cells = re.findall(r'\s*("(?:[^"\\]|\\.)*"(?:\s*"(?:[^"\\]|\\.)*")*|[^,"]*)\s*(?:,|$)',
                           text[match.end():end - 1])
        yield text.count("\n", 0, match.start()) + 1, [c.strip().strip('"') for c in cells]


def read_table(path, macro, width, complaints):
    """{key: (line, cells)}, where the first `width` cells are the key."""
    table = {}
    for line, cells in rows(path, macro):
        key = tuple(cells[:width])
        if key in table:
            complaints.append("%s:%d: %s stands here twice" % (path, line, " ".join(key)))
        table[key] = (line, cells)
    return table


def resolve(api, schema):
    while "$ref" in schema:
        schema = api["definitions"][schema["$ref"].split("/")[-1]]
    return schema


def properties(api, schema):
    """The properties of an object, those of its allOf parts among them; {} for anything else."""
    schema = resolve(api, schema)
    found = {}
    for part in schema.get("allOf", []):
        found.update(properties(api, part))
    found.update(schema.get("properties", {}))
    return found


def children(api, schema):
    """How to go one level down: ("", "[]" or "{}" after the name, the schema of what is inside)."""
    schema = resolve(api, schema)
    if "items" in schema:
        return "[]", schema["items"]
    inside = schema.get("additionalProperties")
    if isinstance(inside, dict) and not properties(api, schema):
        return "{}", inside
    return "", None


def fields(api, schema, path=""):
    """Paths of all fields below a schema, such as HostConfig.PortBindings{}[].HostPort."""
    for name, child in properties(api, schema).items():
        here = path + "." + name if path else name
        yield here
        inside, marks = child, ""
        while inside is not None:
            mark, deeper = children(api, inside)
            if deeper is None:
                yield from fields(api, inside, here + marks)
            marks, inside = marks + mark, deeper


def operations(api):
    for path, methods in api["paths"].items():
        for method, operation in methods.items():
            if method != "parameters":
                yield method.upper(), path, operation


def parameters(operation, kind):
    return [p for p in operation.get("parameters", []) if p.get("in") == kind]


def template(path):
    """A path with its parameters' names taken away: they differ between descriptions."""
    return re.sub(r"\{[^}]*\}", "{}", path)


# Where the fields of a body stand in its table.
BELOW = {"BODY_UPDATE": "HostConfig."}


def read_fields(path, complaints):
    """The rows of a body's table; update.def has macros of its own."""
    found = {}
    for macro in ("FIELD", "SAME", "PART"):
        found.update(read_table(path, macro, 1, complaints))
    return found


class Rows:
    def __init__(self):
        self.complaints, self.checked = [], 0
        self.operations = read_table("policy/operations.def", "OPERATION", 1, self.complaints)
        self.paths = read_bodies()
        self.bodies = {body: read_fields(path, self.complaints)
                       for body, path in self.paths.items()}
        self.queries = read_table("policy/queries.def", "QUERY(?:_SHUT|_RULE)?", 2, self.complaints)
        self.filters = read_table("policy/filters.def", "FILTER", 2, self.complaints)
        self.by_path = {(cells[1].replace("METHOD_", ""), template(cells[2])): cells
                        for _, cells in self.operations.values()}
        self.said = set()

    def want(self, condition, key, complaint):
        """One check; a fault that several descriptions show is said once, for the first."""
        if key in self.said:
            return
        self.said.add(key)
        self.checked += 1
        if not condition:
            self.complaints.append(complaint)

    def check_operation(self, version, api, method, path, operation):
        name = operation["operationId"]
        row = self.by_path.get((method, template(path)))
        self.want(row, (method, path), "policy/operations.def:1: API %s has %s: %s %s"
                  % (version, name, method, path))
        if not row:
            return
        self.check_filters(version, row[0], operation)
        grants = row[6]
        if grants != "GRANT_NO":
            for parameter in parameters(operation, "query"):
                key = (row[0], parameter["name"])
                self.want(key in self.queries or key in MISTAKES, key,
                          "policy/queries.def:1: API %s has %s?%s=" % ((version,) + key))
        # Renamed operations keep the row of their path; a row of that name must not differ.
        named = self.operations.get((name,))
        if named:
            self.want(named[1] == row, (name, "row"),
                      "policy/operations.def:%d: %s is %s %s in API %s"
                      % (named[0], name, method, path, version))
        self.check_body(row, version, api, operation)

    def check_body(self, row, version, api, operation):
        described = parameters(operation, "body")
        if row[4] in self.paths:
            for path in fields(api, described[0]["schema"]):
                path = BELOW.get(row[4], "") + path
                self.want((path,) in self.bodies[row[4]] or path in MISTAKES, (row[4], path),
                          "%s:1: API %s has %s" % (self.paths[row[4]], version, path))
        else:
            self.want(not described or row[4] in ("BODY_STREAM", "BODY_JSON", "BODY_UNJUDGED", "BODY_EMPTY") or
                      row[0] in BODY_REFUSED, (row[0], "body"),
                      "policy/operations.def:1: API %s has a body for %s" % (version, row[0]))

    def check_filters(self, version, name, operation):
        """What the description lists of a `filters` parameter, as "- `name`..." lines."""
        described = [p["description"] for p in parameters(operation, "query")
                     if p["name"] == "filters"]
        for word in re.findall(r"^ *[-*] +`([a-z!.-]+)", "".join(described), flags=re.M):
            self.want((name, word) in self.filters or (name, word) in MISTAKES,
                      (name, "filters", word),
                      "policy/filters.def:1: API %s has %s of %s" % (version, word, name))

    def check_order(self, path, table):
        """The rows of an operation stand together: they are looked for from the first on."""
        seen, last = set(), None
        for (name, _), (line, _) in sorted(table.items(), key=lambda item: item[1][0]):
            self.want(name == last or name not in seen, (path, name, line),
                      "%s:%d: the rows of %s do not stand together" % (path, line, name))
            seen.add(name)
            last = name

    def check_strays(self):
        """Rows that name operations which are not there."""
        for path, table in (("policy/queries.def", self.queries),
                            ("policy/filters.def", self.filters)):
            self.check_order(path, table)
            for (name, parameter), (line, _) in table.items():
                self.want((name,) in self.operations, (path, name, parameter, "stray"),
                          "%s:%d: there is no operation %s" % (path, line, name))
        for what in MISTAKES:
            self.want(what not in self.queries and
                      not any((what,) in table for table in self.bodies.values()), (what, "mistake"),
                      "tests/lint/rows.py:1: %s has a row now; take it from MISTAKES" % (what,))


def main():
    os.chdir(ROOT)
    table = Rows()
    read = 0
    for version, api in descriptions():
        read += 1
        for method, path, operation in operations(api):
            table.check_operation(version, api, method, path, operation)
    table.check_strays()
    if len(table.paths) < 3:
        table.complaints.append("policy/schemas.def:1: its rows cannot be read")
    if read < 7:
        table.complaints.append("tests/data/engine-api:1: %d descriptions, of at least 7" % read)
    return finish("lint-rows", table.checked, table.complaints)


if __name__ == "__main__":
    sys.exit(main())
