UPDATE twofold.members SET backend = $2 WHERE member = $1
