from promo.api import Cell as Cell
from promo.api import Decision as Decision
from promo.api import Effect as Effect
from promo.api import Finding as Finding
from promo.api import Plan as Plan
from promo.api import PlannedRun as PlannedRun
from promo.api import Point as Point
from promo.api import PromoError as PromoError
from promo.api import Run as Run
from promo.api import SpecError as SpecError
from promo.api import Study as Study
from promo.api import Table as Table
from promo.api import check as check
from promo.api import load as load
from promo.api import plan as plan

__version__: str
