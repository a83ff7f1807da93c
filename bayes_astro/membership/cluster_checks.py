def groups(model, tree, data):
    return {}
def checks(model):
    return []
