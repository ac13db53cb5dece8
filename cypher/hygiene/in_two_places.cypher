// Guests on two hosts and things in two racks: sources disagree, or one is out of date.
// params:  none
// returns: uid STRING, kind STRING, name STRING, type STRING (RUNS_ON or LOCATED_IN),
//          places LIST<STRING> (names, sorted, two or more), sources LIST<STRING> (sorted)
// order:   kind, name, uid, type, places
MATCH (entity:Entity)-[r:RUNS_ON|LOCATED_IN]->(place:Entity)
WHERE r.group IS NULL AND (type(r) = 'LOCATED_IN' OR entity:VirtualMachine AND place:Host)
WITH entity, type(r) AS type, place, r.source AS source
ORDER BY place.name, source
WITH entity, type, place.kind AS sort, place, collect(source) AS told
WITH entity, type, sort, collect(place.name) AS places, collect(told) AS told
WHERE size(places) > 1
UNWIND told AS each
UNWIND each AS source
WITH DISTINCT entity, type, sort, places, source
ORDER BY source
WITH entity, type, sort, places, collect(source) AS sources
RETURN
  entity.uid AS uid,
  entity.kind AS kind,
  entity.name AS name,
  type,
  places,
  sources
ORDER BY kind, name, uid, type, places
