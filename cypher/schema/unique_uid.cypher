// Make sure that a uid names one node, and that it is found without a scan.
// params:  none
// returns: nothing
// order:   none
// A uniqueness constraint and not a node key: keys need the Enterprise edition.
CREATE CONSTRAINT entity_uid IF NOT EXISTS
FOR (entity:Entity)
REQUIRE entity.uid IS UNIQUE
