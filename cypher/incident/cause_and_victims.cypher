// The newest incident with its likeliest cause, whom that hits now, and by which way.
// params:  none
// returns: incident NODE, blame RELATIONSHIP, cause NODE, victim NODE (null where nobody is hit),
//          path PATH (from the victim to the cause; null where none is known)
// order:   none
// Made to be looked at: Neo4j Browser draws what it returns.
MATCH (incident:Incident)
WITH incident
ORDER BY incident.openedAt DESC, incident.id DESC
LIMIT 1
MATCH (incident)-[blame:EXPLAINED_BY]->(cause:Entity)
WITH incident, blame, cause
ORDER BY blame.posterior DESC, cause.uid
LIMIT 1
OPTIONAL MATCH (incident)-[:HITS]->(victim:Entity)
OPTIONAL MATCH path = ANY SHORTEST
  (victim)
  -[r:RUNS_ON|STORED_ON|ATTACHED_TO|CONNECTED_TO|POWERED_BY|USES|DEPENDS_ON|CALLS|BALANCES]->{1,8}
  (cause)
RETURN
  incident,
  blame,
  cause,
  victim,
  path
