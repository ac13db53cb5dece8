// Groups that cannot lose another member: redundancy that is used up.
// params:  none
// returns: uid STRING (of the dependent), kind STRING, name STRING, group STRING,
//          need INTEGER (>= 1), members INTEGER (>= 1, at most need)
// order:   kind, name, uid, group
// One member that is all there ever was is a single point of failure and not listed here.
MATCH (dependent:Entity)-[r]->(member:Entity)
WHERE r.group IS NOT NULL
WITH
  dependent,
  r.source AS source,
  r.group AS group,
  max(coalesce(r.need, 1)) AS need,
  count(DISTINCT member) AS members
WHERE members <= need AND need > 1
RETURN
  dependent.uid AS uid,
  dependent.kind AS kind,
  dependent.name AS name,
  group,
  need,
  members
ORDER BY kind, name, uid, group
