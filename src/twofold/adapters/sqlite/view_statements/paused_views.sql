SELECT view FROM twofold_paused
