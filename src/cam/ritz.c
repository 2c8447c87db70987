#include "cam/ritz.h"

#include <math.h>
#include <string.h>

#include "cam/tridiagonal.h"

/* Residuals below this share of the first eigenvalue are rounding. */
#define FLOOR 1e-8

void ecam_ritz_init(ecam_ritz *r, unsigned wanted, double share, double angle, size_t first,
                    size_t patience, double *vectors)
{
    memset(r, 0, sizeof *r);
    r->wanted = wanted;
    r->by_share = wanted == 0;
    r->share = share;
    r->angle = angle;
    r->vectors = vectors;
    r->next_look = first > wanted ? first : wanted;
    r->patience = patience;
}

/* Ritz values grow with the steps, so that the number that a share takes
 * shrinks to the right one. */
static void count_wanted(ecam_ritz *r)
{
    double sum = 0;

    r->wanted = 0;
    while (r->wanted < r->known && sum < r->share)
        sum += r->values[r->wanted++];
    r->short_of_share = sum < r->share;
}

/* One more than wanted, for the gap below the last. */
static bool look(ecam_ritz *r)
{
    r->known = r->by_share || r->wanted >= r->steps ? r->steps : r->wanted + 1;
    if (!ecam_tridiagonal_solve(r->steps, r->diagonal, r->off, r->known, r->values, r->vectors))
        return false;
    if (r->by_share)
        count_wanted(r);
    return true;
}

static double gap(const ecam_ritz *r, size_t i)
{
    double above = i > 0 ? r->values[i - 1] - r->values[i] : INFINITY;
    double below = i + 1 < r->known ? r->values[i] - r->values[i + 1] : r->values[i];
    return fmin(above, below);
}

/* The largest residual over what it may be: a residual over the gap bounds the
 * angle. 1 is converged. */
static double excess(const ecam_ritz *r, double off)
{
    double worst = 0;

    for (size_t i = 0; i < r->wanted; i++) {
        double residual = off * fabs(r->vectors[(i + 1) * r->steps - 1]);
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
    r->next_look = r->steps + (size_t)fmin(fmax(ceil(wait), (double)r->patience), 12);
}

/* No further vector: what is known is all there is. */
static ecam_ritz_state exhaust(ecam_ritz *r)
{
    if (r->steps < r->wanted || !look(r) || r->short_of_share || r->wanted > ECAM_RITZ_WANTED)
        return ECAM_RITZ_FAILED;
    return ECAM_RITZ_CONVERGED;
}

ecam_ritz_state ecam_ritz_step(ecam_ritz *r, double diagonal, double off)
{
    r->diagonal[r->steps] = diagonal;
    r->off[r->steps] = off;
    r->steps++;
    if (off == 0)
        return exhaust(r);
    if (r->steps >= r->next_look) {
        if (!look(r))
            return ECAM_RITZ_FAILED;
        double now = excess(r, off);
        if (now <= 1 && !r->short_of_share)
            return r->wanted <= ECAM_RITZ_WANTED ? ECAM_RITZ_CONVERGED : ECAM_RITZ_FAILED;
        plan_look(r, fmax(now, 2));
    }
    return r->steps < ECAM_RITZ_STEPS ? ECAM_RITZ_GOES_ON : ECAM_RITZ_FAILED;
}
