DELETE FROM members WHERE member = :member
