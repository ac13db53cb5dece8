// Entities whose loss stops direct dependents, because no other member of their group can be spared.
// params:  none
// returns: uid STRING, kind STRING, name STRING, dependents INTEGER (>= 1)
// order:   dependents (most first), kind, name, uid
// A relation without a group is a gate of its own. Calls are left out: a caller may stay unhurt.
MATCH
  (dependent:Entity)
  -[r:RUNS_ON|STORED_ON|ATTACHED_TO|CONNECTED_TO|POWERED_BY|USES|DEPENDS_ON]->
  (member:Entity)
WITH
  dependent,
  coalesce(coalesce(r.source, '') + '/' + r.group, elementId(r)) AS gate,
  max(coalesce(r.need, 1)) AS need,
  collect(DISTINCT member) AS members
WHERE need >= size(members)
UNWIND members AS single
RETURN
  single.uid AS uid,
  single.kind AS kind,
  single.name AS name,
  count(DISTINCT dependent) AS dependents
ORDER BY dependents DESC, kind, name, uid
