#include "base/cancel.h"

#include <algorithm>

namespace millrace {

void CancelToken::Cancel() {
  std::lock_guard lock(mutex_);
  if (cancelled_.exchange(true, std::memory_order_acq_rel)) return;
  for (Watch* watch : watches_) watch->wake_();
}

Status CancelToken::Check(std::string_view what) const {
  if (cancelled()) return Fail(ErrorCode::kCancelled, "{}: cancelled", what);
  return {};
}

CancelToken::Watch::Watch(CancelToken& token, std::function<void()> wake)
    : token_(token), wake_(std::move(wake)) {
  std::lock_guard lock(token_.mutex_);
  token_.watches_.push_back(this);
  if (token_.cancelled()) wake_();
}

CancelToken::Watch::~Watch() {
  std::lock_guard lock(token_.mutex_);
  std::erase(token_.watches_, this);
}

}  // namespace millrace
