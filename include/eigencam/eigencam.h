/* Everything of libeigencam and libeigencam-client. */
#ifndef EIGENCAM_EIGENCAM_H
#define EIGENCAM_EIGENCAM_H

#include "eigencam/cam.h"
#include "eigencam/publisher.h"
#include "eigencam/status.h"
#include "eigencam/subscriber.h"
#include "eigencam/tensor.h"

#endif
