"""The syntax tree of a script, as Python's own objects."""

import functools

import tree_sitter
import tree_sitter_powershell

PARSER = tree_sitter.Parser(tree_sitter.Language(tree_sitter_powershell.language()))
UNNAMED = ("comment", "command_argument_sep")


class Node:
    """A node of the grammar's, in Python: asking the grammar for each again and again would take most of the time."""

    def __init__(self, node):
        self.type, self.text, self.start, self.end = node.type, node.text, node.start_byte, node.end_byte
        self.children = [Node(part) for part in node.children]
        self.named = [part for part, of in zip(self.children, node.children) if of.is_named and of.type not in UNNAMED]


@functools.cache
def parse(text):
    return Node(PARSER.parse(text.encode()).root_node)


def text(node):
    return node.text.decode()


def named(node):
    return node.named


def child(node, kind):
    return next((part for part in node.children if part.type == kind), None)


def variable_of(parameter):
    return text(child(parameter, "variable"))[1:]


def split_list(group):
    return named(group) if group.type == "argument_expression_list" else [group]
