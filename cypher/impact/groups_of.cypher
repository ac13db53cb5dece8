// The alternatives that one entity has: which groups, how many members each, how many it can lose.
// params:  $uid STRING, the dependent
// returns: group STRING, source STRING, type STRING, need INTEGER (>= 1),
//          members LIST<STRING> (names, sorted), spare INTEGER (>= 0)
// order:   group, source, type
MATCH (:Entity {uid: $uid})-[r]->(member:Entity)
WHERE r.group IS NOT NULL
WITH
  r.group AS group,
  r.source AS source,
  type(r) AS type,
  max(coalesce(r.need, 1)) AS need,
  collect(DISTINCT member.name) AS found
UNWIND found AS name
WITH group, source, type, need, name
ORDER BY name
WITH group, source, type, need, collect(name) AS members
RETURN
  group,
  source,
  type,
  need,
  members,
  CASE WHEN size(members) > need THEN size(members) - need ELSE 0 END AS spare
ORDER BY group, source, type
