// CopyLog: a copy of a running log that Log::Open can open. Closed segments never change, so they
// are hard-linked where the file system allows and copied where not; of each active segment the
// part that is on stable storage is copied.
//
// The copy is one cut of the whole log: no commit is under way while the cut is made (a few syncs
// long), so each transaction is in it in all partitions or in none.
#pragma once

#include <string>

#include "base/result.h"
#include "log/log_core.h"
#include "log/transactions.h"

namespace millrace::log {

// `target` must not exist; after a failure what was made of it is removed. The caller keeps
// retention and compaction away meanwhile.
Status CopyLog(LogCore& core, TransactionCoordinator& coordinator, const std::string& target);

}  // namespace millrace::log
