// The incidents in which one entity was blamed or hit.
// params:  $uid STRING, the entity
// returns: id STRING, status STRING, title STRING, openedAt ZONED DATETIME,
//          part STRING (blamed or hit), mode STRING
// order:   openedAt (newest first), id, part, mode
MATCH (incident:Incident)-[r:EXPLAINED_BY|HITS]->(:Entity {uid: $uid})
RETURN
  incident.id AS id,
  incident.status AS status,
  incident.title AS title,
  incident.openedAt AS openedAt,
  CASE type(r) WHEN 'HITS' THEN 'hit' ELSE 'blamed' END AS part,
  r.mode AS mode
ORDER BY openedAt DESC, id, part, mode
