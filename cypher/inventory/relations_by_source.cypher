// Which source tells of how many relations of which type: what would we not know without it?
// params:  none
// returns: source STRING, type STRING, relations INTEGER (>= 1)
// order:   source, type
MATCH (:Entity)-[r]->(:Entity)
RETURN
  r.source AS source,
  type(r) AS type,
  count(*) AS relations
ORDER BY source, type
