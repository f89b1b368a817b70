SELECT twofold.leave($1)
