; Written by python tests/editors/written.py; edit nothing here.
[(study) (data) (host) (design) (candidate) (cohort) (stage) (gate) (rule) (account) (curves) (law) (forecast)
  (effects) (reduce) (baseline) (grow) (schedule)] @fold
