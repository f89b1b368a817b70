SELECT true FROM moved
