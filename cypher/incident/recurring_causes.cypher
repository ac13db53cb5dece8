// What comes back: entities that the likeliest hypothesis of several incidents blames.
// params:  none
// returns: uid STRING, kind STRING, name STRING, mode STRING, incidents INTEGER (>= 2),
//          last ZONED DATETIME (when the newest of them was opened)
// order:   incidents (most first), kind, name, uid, mode
MATCH
  (incident:Incident)
  -[:HAS_HYPOTHESIS]->(:Hypothesis {rank: 1})
  -[blames:BLAMES]->(cause:Entity)
WITH
  cause,
  blames.mode AS mode,
  count(DISTINCT incident) AS incidents,
  max(incident.openedAt) AS last
WHERE incidents >= 2
RETURN
  cause.uid AS uid,
  cause.kind AS kind,
  cause.name AS name,
  mode,
  incidents,
  last
ORDER BY incidents DESC, kind, name, uid, mode
