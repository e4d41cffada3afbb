// CassandraStore: store::Store with its tables in a Cassandra cluster, and the progress and state
// of queries in the embedded store.
//
// Invariants
//   1. An epoch's rows are acknowledged by the cluster before its progress and state go into the
//   embedded store: progress never runs ahead of rows. A crash between them, or before the embedded
//   store's flush, replays the epoch, and writing its rows a second time with the same write times
//   changes nothing.
//   2. Tables are made where they are missing; what is there is changed only when told to.
//
// Not there (kUnsupported, by name): shadows and with them `millrace replay`, single mutations,
// dropping tables.
#pragma once

#include <memory>

#include "base/result.h"
#include "cql/client/client.h"
#include "cql/client/schema_sync.h"
#include "store/store.h"

namespace millrace::connect {

struct CassandraTables {
  cql::WantedSchema schema;
  bool alter = false;  // run the statements that change tables which are there
};

std::unique_ptr<store::Store> MakeCassandraStore(std::unique_ptr<store::Store> state,
                                                 std::unique_ptr<cql::Client> client,
                                                 CassandraTables tables);

}  // namespace millrace::connect
