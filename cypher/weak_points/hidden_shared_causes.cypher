// What all alternatives of a dependent lean on; `kgraph weak-points` counts spares on the way, too.
// params:  none
// returns: uid STRING (of the dependent), dependent STRING (name), group STRING,
//          shared STRING (uid of what all its members need), sharedKind STRING,
//          sharedName STRING, hops INTEGER (from the farthest member, 1 to 4)
// order:   dependent, group, hops, sharedKind, sharedName, shared
// All members of the group of a dependent that could lose one reach it, each by its shortest way:
// the least length of all ways, which the server finds without going them, in half of the time.
// A way may lead through a group that has a spare itself, as the two feeds of a host are.
MATCH (dependent:Entity)-[r]->(member:Entity)
WHERE r.group IS NOT NULL
WITH
  dependent,
  r.source AS source,
  r.group AS group,
  max(coalesce(r.need, 1)) AS need,
  collect(DISTINCT member) AS members
WHERE size(members) > need
UNWIND members AS member
MATCH path =
  (member)
  -[:RUNS_ON|STORED_ON|ATTACHED_TO|CONNECTED_TO|POWERED_BY|USES|DEPENDS_ON*1..4]->
  (shared:Entity)
WITH dependent, source, group, members, member, shared, min(length(path)) AS far
WHERE NOT shared IN members
WITH
  dependent,
  group,
  source,
  size(members) AS size,
  shared,
  count(*) AS reached,
  max(far) AS hops
WHERE reached = size
RETURN
  dependent.uid AS uid,
  dependent.name AS dependent,
  group,
  shared.uid AS shared,
  shared.kind AS sharedKind,
  shared.name AS sharedName,
  hops
ORDER BY dependent, group, hops, sharedKind, sharedName, shared
