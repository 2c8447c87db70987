#include "cam/ritz.h"

#include <math.h>
#include <string.h>

#include "cam/tridiagonal.h"

/* Residuals below this share of the first eigenvalue are rounding. */
#define FLOOR 1e-8

void ecam_ritz_init(ecam_ritz *r, unsigned wanted, double angle, size_t first, size_t patience,
                    double *vectors)
{
    memset(r, 0, sizeof *r);
    r->wanted = wanted;
    r->angle = angle;
    r->vectors = vectors;
    r->look = first > wanted ? first : wanted;
    r->patience = patience;
}

bool ecam_ritz_solve(ecam_ritz *r, size_t rows)
{
    double off[ECAM_RITZ_STEPS];

    memcpy(r->values, r->diagonal, r->steps * sizeof *r->values);
    memcpy(off, r->off, r->steps * sizeof *off);
    return ecam_tridiagonal_solve(r->steps, r->values, off, rows, r->vectors);
}

static double gap(const ecam_ritz *r, size_t i)
{
    double above = i > 0 ? r->values[i - 1] - r->values[i] : INFINITY;
    double below = i + 1 < r->steps ? r->values[i] - r->values[i + 1] : r->values[i];
    return fmin(above, below);
}

/* The largest residual over what it may be: a residual over the gap bounds the
 * angle. 1 is converged. */
static double excess(const ecam_ritz *r, double off)
{
    double worst = 0;

    for (size_t i = 0; i < r->wanted; i++) {
        double residual = off * fabs(r->vectors[i]);
        worst = fmax(worst, residual / fmax(r->angle * gap(r, i), FLOOR * r->values[0]));
    }
    return worst;
}

/* When to look again: residuals fall steadily, by a factor that two looks
 * tell. */
static void plan_look(ecam_ritz *r, double now)
{
    double rate = r->last_look ? log(r->last_excess / now) / (double)(r->steps - r->last_look) : 1.3;
    double wait = rate > 0.05 ? log(now) / rate : 6;

    r->last_look = r->steps;
    r->last_excess = now;
    r->look = r->steps + (size_t)fmin(fmax(ceil(wait), (double)r->patience), 12);
}

ecam_ritz_state ecam_ritz_step(ecam_ritz *r, double diagonal, double off)
{
    r->diagonal[r->steps] = diagonal;
    r->off[r->steps] = off;
    r->steps++;
    if (off == 0)
        return r->steps >= r->wanted && ecam_ritz_solve(r, 1) ? ECAM_RITZ_CONVERGED : ECAM_RITZ_FAILED;
    if (r->steps >= r->look) {
        if (!ecam_ritz_solve(r, 1))
            return ECAM_RITZ_FAILED;
        double now = excess(r, off);
        if (now <= 1)
            return ECAM_RITZ_CONVERGED;
        plan_look(r, now);
    }
    return r->steps < ECAM_RITZ_STEPS ? ECAM_RITZ_GOES_ON : ECAM_RITZ_FAILED;
}
