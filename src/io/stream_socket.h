// StreamSocket: one outgoing TCP connection, in the clear or within TLS, for protocols that answer
// many requests at once. Non-blocking: one thread reads, writes and waits; others only wake it.
//
//   MR_ASSIGN(auto socket, StreamSocket::Connect({.host = "127.0.0.1", .port = 9042}));
//   while (running) {
//     MR_ASSIGN(const size_t wrote, socket->Write(out)); ...        // 0: no room now
//     MR_ASSIGN(const size_t got, socket->Read(buffer, size)); ...  // 0: nothing there now
//     socket->Wait(!out.empty(), std::chrono::milliseconds(100));
//   }
//
// Thread contract: one thread at a time, but Wake from any.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace millrace::io {

// TLS 1.2 or later; the peer's certificate is always verified.
struct TlsClientOptions {
  std::string ca_file{};           // PEM; empty: the system's authorities
  std::string certificate_file{};  // PEM, for peers that ask for one; with key_file
  std::string key_file{};
  bool verify_host = true;  // the certificate is of the host that is connected to
};

struct StreamTarget {
  std::string host{};
  uint16_t port = 0;
  std::chrono::milliseconds timeout{5000};  // of connecting and of TLS's handshake, each
  std::optional<TlsClientOptions> tls{};
};

class StreamSocket {
 public:
  // kUnavailable: refused, unreachable, or the TLS handshake failed (the message says why);
  // kTimeout; kInvalidArgument: a file of `tls` cannot be used.
  static Result<std::unique_ptr<StreamSocket>> Connect(const StreamTarget& target);
  // Closes.
  virtual ~StreamSocket() = default;

  // Bytes read or written, 0 when it cannot go on now. kUnavailable: the connection is closed.
  virtual Result<size_t> Read(char* to, size_t size) = 0;
  virtual Result<size_t> Write(std::string_view bytes) = 0;
  // Returns when there is something to read (or, with `for_write`, room to write), when woken, and
  // when time is up. It may return early: call in a loop.
  virtual void Wait(bool for_write, std::chrono::milliseconds timeout) = 0;
  // Ends the Wait that is under way, or the next one.
  virtual void Wake() = 0;
};

}  // namespace millrace::io
