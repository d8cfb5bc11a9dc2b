"""Which statements of a backward can be at fault: those that only wrong gradients depend on."""

import ast


def statements_at_fault(tree, wrong, count):
    """Return the statements that wrong gradients depend on, without those that right ones need.

    ``wrong`` are positions among the ``count`` gradients that are returned.  Names are followed
    without regard to order, so a statement may be kept too much, never too little; where the
    returned values cannot be told apart, all statements are kept.
    """
    returns = [n for n in ast.walk(tree) if isinstance(n, ast.Return) and n.value is not None]
    simple = [n for n in ast.walk(tree) if isinstance(n, ast.stmt) and not isinstance(n, BLOCKS)]
    at_fault, needed = set(), set()
    for node in returns:
        parts = _parts(tree, node, count)
        if parts is None:
            return set(simple)
        for i, part in enumerate(parts):
            reached = _reached(tree, simple, part)
            if i in wrong:
                at_fault |= reached
            else:
                needed |= reached
    several = {s for s in at_fault if len(_stored(s)) > 1}  # a, b = ...: one may be wrong alone
    left = (at_fault - needed) | several
    chosen = (left or at_fault) | set(returns)
    headers = {
        block
        for block in ast.walk(tree)
        if isinstance(block, BLOCKS) and block is not tree and chosen & set(ast.walk(block))
    }
    return chosen | headers


BLOCKS = ast.For | ast.While | ast.If | ast.With | ast.Try | ast.FunctionDef


def _parts(tree, node, count):
    """Return the expressions of the single gradients, or None if they are not written out."""
    value = node.value
    if isinstance(value, ast.Name):  # grads = (dx, dw); return grads
        for statement in ast.walk(tree):
            if (
                isinstance(statement, ast.Assign)
                and isinstance(statement.targets[0], ast.Name)
                and statement.targets[0].id == value.id
                and isinstance(statement.value, ast.Tuple)
            ):
                value = statement.value
    if count == 1:
        return [value]
    if isinstance(value, ast.Tuple) and len(value.elts) == count:
        return value.elts
    return None


def _reached(tree, simple, expression):
    """Return the statements that write a name on which an expression depends, directly or not."""
    names = _loaded(expression)
    reached = set()
    while True:
        new = {s for s in simple if s not in reached and _stored(s) & names}
        if not new:
            return reached
        reached |= new
        for statement in new:
            names |= _loaded(statement)


def _loaded(node):
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def _stored(statement):
    """Return the names that a statement assigns to, or into."""
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AugAssign | ast.AnnAssign):
        targets = [statement.target]
    elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        # a call such as np.add.at(dw, i, dout) or grads.append(dx) may write into any of these
        targets = [statement.value.func, *statement.value.args]
    else:
        return set()
    return {name for target in targets for name in _bases(target)}


def _bases(target):
    """Return the names that a target starts with: dx for dx[i, j], a and b for (a, b)."""
    if isinstance(target, ast.Tuple | ast.List):
        return {name for item in target.elts for name in _bases(item)}
    while isinstance(target, ast.Subscript | ast.Attribute | ast.Starred):
        target = target.value
    return {target.id} if isinstance(target, ast.Name) else set()
