SELECT member, wants, process FROM members WHERE since <= :now AND until > :now
