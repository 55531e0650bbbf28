"""Finding people in a picture: where they are, and how they hold themselves.

    picture ─▶ detector ─▶ regions ─▶ landmarks ─▶ Person
                 ▲                        │
                 └── only for somebody    └─▶ region of the next picture
                     who is not followed

The two networks are Google's BlazePose (Apache-2.0), run by OpenVINO. This package has
no clock and no camera; what the landmarks mean is for ``models.pose`` and the
recognisers.

Source: Bazarevsky et al. 2020, arXiv:2006.10204; Grishchenko et al. 2022,
arXiv:2206.11678.
"""
