DELETE FROM members WHERE since > :now OR until <= :now
